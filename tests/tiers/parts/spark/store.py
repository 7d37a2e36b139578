"""An object store, and whether the mirrors in it are whole."""

import hashlib
import json
import logging

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "bucket"
KEYS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


class Store:
    """It speaks S3 on a loopback port until it is stopped."""

    def __init__(self):
        # A line for each request is of no interest.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.s3 = boto3.client("s3", endpoint_url=self.endpoint, aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
                               aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"], region_name=KEYS["AWS_REGION"])
        self.s3.create_bucket(Bucket=BUCKET)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()

    def environment(self):
        """What leads the program here."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.endpoint}

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix + "/")
        return [found["Key"][len(prefix) + 1:] for page in pages for found in page.get("Contents", [])]

    def read(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def mirrored(self, prefix):
        """The elements that have a manifest."""
        parts = [key.split("/") for key in self.keys(prefix)]
        return sorted(path[0] for path in parts if len(path) == 2 and path[1] == "manifest.json")

    def torn(self, prefix):
        """What is wrong with the manifests of a mirror: every file that one names is to be there, and whole."""
        return [wrong for element in self.mirrored(prefix) for wrong in self.torn_files(prefix, element)]

    def torn_files(self, prefix, element):
        manifest = json.loads(self.read(f"{prefix}/{element}/manifest.json"))
        if manifest["element"]["id"] != element or not manifest["assets"] or "missing" in manifest:
            yield f"{element}: {manifest}"
        there = self.keys(f"{prefix}/{element}")
        for named in [manifest["response"], *manifest["assets"]]:
            body = self.read(f"{prefix}/{element}/{named['file']}") if named["file"] in there else b""
            digest = hashlib.sha256(body).hexdigest()
            if [len(body), digest] != [named["size"], named["sha256"]] or digest[:32] not in named["file"]:
                yield f"{element}: {named['file']} has {len(body)} bytes, and the digest {digest}"
