"""What is in a bucket, as somebody else's client reads it."""

import boto3
import botocore.config
import botocore.exceptions
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobServiceClient, ContentSettings


def s3_client(service, origin, key, secret):
    """Amazon's own client, which says each thing once."""
    config = botocore.config.Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"},
                                    max_pool_connections=32)
    return boto3.client(service, endpoint_url=origin, aws_access_key_id=key, aws_secret_access_key=secret,
                        region_name="us-east-1", config=config)


class S3Reader:
    """A bucket by boto3."""

    def __init__(self, origin, bucket, key, secret):
        self.bucket, self.client = bucket, s3_client("s3", origin, key, secret)

    def create(self):
        self.client.create_bucket(Bucket=self.bucket)

    def names(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def get(self, name):
        """The object's bytes; none where there is no such object."""
        try:
            return self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read()
        except self.client.exceptions.NoSuchKey:
            return None

    def media_type(self, name):
        return self.client.head_object(Bucket=self.bucket, Key=name)["ContentType"]

    def put(self, name, data):
        self.client.put_object(Bucket=self.bucket, Key=name, Body=data)

    def remove(self, name):
        self.client.delete_object(Bucket=self.bucket, Key=name)

    def put_if(self, name, data, absent=False, still=None):
        """Puts an object on a condition; gives its tag, and none where the condition does not hold."""
        condition = {"IfNoneMatch": "*"} if absent else {"IfMatch": still}
        try:
            return self.client.put_object(Bucket=self.bucket, Key=name, Body=data, **condition)["ETag"]
        except botocore.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
                raise
            return None

    def begin_parts(self, name, part):
        """Puts the first part of an object; gives the upload."""
        upload = self.client.create_multipart_upload(Bucket=self.bucket, Key=name)["UploadId"]
        self.client.upload_part(Bucket=self.bucket, Key=name, UploadId=upload, PartNumber=1, Body=part)
        return upload

    def end_parts(self, name, upload):
        self.client.abort_multipart_upload(Bucket=self.bucket, Key=name, UploadId=upload)

    def half_uploaded(self):
        """Of which objects an upload in parts is open."""
        listed = self.client.list_multipart_uploads(Bucket=self.bucket)
        return [upload["Key"] for upload in listed.get("Uploads", [])]


class AzureReader:
    """A container by azure-storage-blob."""

    def __init__(self, origin, container, account, key):
        service = BlobServiceClient(f"{origin}/{account}", credential=key, retry_total=0)
        self.container = service.get_container_client(container)

    def create(self):
        self.container.create_container()

    def names(self, prefix):
        return [blob.name for blob in self.container.list_blobs(name_starts_with=prefix)]

    def get(self, name):
        """The object's bytes; none where there is no such object."""
        try:
            return self.container.download_blob(name).readall()
        except ResourceNotFoundError:
            return None

    def media_type(self, name):
        return self.container.get_blob_client(name).get_blob_properties().content_settings.content_type

    def put(self, name, data):
        settings = ContentSettings(content_type="application/octet-stream")
        self.container.upload_blob(name, data, overwrite=True, content_settings=settings)

    def remove(self, name):
        self.container.delete_blob(name)

    def put_if(self, name, data, absent=False, still=None):
        """Puts an object on a condition; gives its tag, and none where the condition does not hold."""
        condition = {} if absent else {"etag": still, "match_condition": MatchConditions.IfNotModified}
        try:
            return self.container.upload_blob(name, data, overwrite=not absent, **condition).get_blob_properties().etag
        except (ResourceExistsError, ResourceModifiedError):
            return None

    def begin_parts(self, name, part):
        """Puts the first part of an object."""
        self.container.get_blob_client(name).stage_block("MDAwMQ==", part)

    def end_parts(self, name, _):
        """Azure has no word for that: parts end as those of an object."""
        self.container.get_blob_client(name).commit_block_list([BlobBlock("MDAwMQ==")])

    def half_uploaded(self):
        """Of which objects there are parts, and nothing else."""
        all_of_them = self.container.list_blobs(include=["uncommittedblobs"])
        whole = set(self.names(""))
        return [blob.name for blob in all_of_them if blob.name not in whole]
