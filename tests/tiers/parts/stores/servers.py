"""Object stores of different make, each a process of its own on a loopback port, with a proxy in front of it."""

import json
import os
import re
import subprocess

import pyarrow.fs
from checks import PATIENCE, wait_until
from nginx import free_ports

from .proxy import Proxy
from .readers import AzureReader, S3Reader, s3_client

BUCKET = "mirrors"
SECRET = "stores-secret-access-key"
# Where credentials are looked for when there are none: not anywhere else.
NOWHERE = "http://127.0.0.1:9"


class Store:
    """A server, and a bucket in it."""

    name = scheme = root = ready = logged = None
    bucket = BUCKET
    # Whether it heeds conditions, knows who may do what, and looks at the time that a request says.
    is_conditional, is_guarded, takes_any_clock = True, True, False
    # Whether an upload in parts can be ended, so that no part is left; and whether he who reads an object while another
    # takes its place gets the one or the other.
    ends_uploads, replaces_whole = True, True
    # What it says of a bucket that is not there, and of a key that is wrong; what names a key in the environment.
    no_bucket, wrong_key, names_of_keys = "The specified bucket does not exist", None, []

    def __init__(self, here, tools):
        self.here, self.tools, self.process = here, tools, None
        here.mkdir(parents=True)
        self.log = here / "log"
        [self.port] = free_ports(1)
        self.origin = f"http://127.0.0.1:{self.port}"
        self.proxy = Proxy(self.port, self.root)
        self.reader = self.make_reader(BUCKET, self.origin)

    def start(self):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.here), **self.settings()}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.here, env=environment)
        wait_until(self.is_ready, f"{self.name} does not answer")
        self.reader.create()

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.log.read_text()}")
        return self.ready in self.log.read_text()

    def stop(self):
        self.proxy.stop()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def settings(self):
        return {}

    def url(self, prefix, bucket=BUCKET):
        return f"{self.scheme}://{bucket}/{prefix}"

    def puts_logged(self):
        """The names of the objects that were put, as the server's own log has them in order."""
        # One that is put in parts is there with the last request.
        found = re.finditer(self.logged, self.log.read_text(), re.MULTILINE)
        return [match["name"] for match in found]


class S3(Store):
    """Whatever speaks as Amazon S3 does."""

    scheme, root = "s3", f"/{BUCKET}/"
    key = "AKIASTORESTEST000001"
    names_of_keys = ["AWS_ACCESS_KEY_ID"]

    def make_reader(self, bucket, origin):
        return S3Reader(origin, bucket, self.key, SECRET)

    def environment(self):
        """What leads the program here."""
        return {"AWS_ENDPOINT_URL": self.proxy.origin, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": self.key,
                "AWS_SECRET_ACCESS_KEY": SECRET}

    def with_wrong_key(self):
        return {**self.environment(), "AWS_SECRET_ACCESS_KEY": SECRET + "-but-wrong"}

    def without_keys(self):
        return {"AWS_ENDPOINT_URL": self.proxy.origin, "AWS_REGION": "us-east-1", "AWS_METADATA_ENDPOINT": NOWHERE}

    def secrets(self):
        return [SECRET]

    def arrow(self):
        """pyarrow's own client."""
        return pyarrow.fs.S3FileSystem(access_key=self.key, secret_key=SECRET, region="us-east-1", scheme="http",
                                       endpoint_override=f"127.0.0.1:{self.port}")

    @staticmethod
    def is_part(request):
        return "partNumber=" in request.query

    @staticmethod
    def ends_parts(request):
        return request.method == "POST" and "uploadId=" in request.query


class Moto(S3):
    """moto heeds conditions, and asks nobody who he is."""

    name, ready, is_guarded, takes_any_clock = "moto", "Running on", False, True
    logged = rf'"(?:PUT|POST) {S3.root}(?P<name>[^? ]+)(?:\?uploadId=\S*)? HTTP/1.1" 200'

    def command(self):
        return [self.tools / "moto_server", "-H", "127.0.0.1", "-p", str(self.port)]


class GuardedMoto(Moto):
    """moto, where nobody may do what he was not allowed to."""

    name, is_guarded = "moto with users", True
    wrong_key = "SignatureDoesNotMatch"

    users = {"writer": ["s3:*"], "reader": ["s3:Get*", "s3:List*"]}

    def __init__(self, here, tools):
        super().__init__(here, tools)
        self.keys = []

    def settings(self):
        # The bucket is created, and three things are asked of IAM for each user, before it looks at who asks.
        return {"INITIAL_NO_AUTH_ACTION_COUNT": str(1 + 3 * len(self.users))}

    def create_users(self):
        """Users; gives what leads the program here as each of them."""
        iam = s3_client("iam", self.origin, self.key, SECRET)
        given = []
        for user, actions in self.users.items():
            statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.create_user(UserName=user)
            iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=policy)
            key = iam.create_access_key(UserName=user)["AccessKey"]
            self.keys.append(key["SecretAccessKey"])
            given.append({**self.environment(), "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                          "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]})
        return given

    def secrets(self):
        return self.keys


class Rclone(S3):
    """rclone heeds no condition, and does not say so; an object that is replaced while it is read is cut short."""

    name, ready, is_conditional, replaces_whole = "rclone", "Starting s3 server", False, False
    wrong_key = "SignatureDoesNotMatch"
    logged = rf"serve s3: (?:CREATE OBJECT:|COMPLETE MULTIPART UPLOAD:?) {BUCKET} (?P<name>.+)$"

    def command(self):
        (self.here / "data").mkdir()
        return [self.tools / "rclone", "serve", "s3", "data", "--addr", f"127.0.0.1:{self.port}", "--config", "", "-vv",
                "--auth-key", f"{self.key},{SECRET}"]


class Azurite(Store):
    """Azurite is Azure Blob Storage as Microsoft itself would have it tested."""

    name, scheme, ready = "Azurite", "az", "successfully listens"
    ends_uploads, names_of_keys = False, ["AZURE_STORAGE_KEY"]
    account = "storesaccount"
    secret = "c3RvcmVzLXNlY3JldC1hY2NvdW50LWtleS1vZi1henVyaXRl"
    root = f"/{account}/{BUCKET}/"
    no_bucket, wrong_key = "The specified container does not exist", "Server failed to authenticate the request"
    logged = rf'"PUT {root}(?P<name>[^? ]+)(?:\?comp=blocklist\S*)? HTTP/1.1" 201'

    def command(self):
        # Clients are newer than it is, and take no harm from that.
        return [self.tools / "azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", str(self.port),
                "--location", "data", "--disableTelemetry", "--skipApiVersionCheck"]

    def settings(self):
        return {"AZURITE_ACCOUNTS": f"{self.account}:{self.secret}"}

    def make_reader(self, container, origin):
        return AzureReader(origin, container, self.account, self.secret)

    def environment(self):
        """What leads the program here."""
        return {"AZURE_STORAGE_ACCOUNT": self.account, "AZURE_STORAGE_KEY": self.secret,
                "AZURE_STORAGE_ENDPOINT": f"{self.proxy.origin}/{self.account}"}

    def with_wrong_key(self):
        return {**self.environment(), "AZURE_STORAGE_KEY": "AAAA" + self.secret[4:]}

    def without_keys(self):
        given = self.environment()
        del given["AZURE_STORAGE_KEY"]
        return {**given, "AZURE_MSI_ENDPOINT": NOWHERE}

    def secrets(self):
        return [self.secret]

    def arrow(self):
        """pyarrow's own client."""
        authority = f"127.0.0.1:{self.port}"
        return pyarrow.fs.AzureFileSystem(self.account, account_key=self.secret, blob_storage_authority=authority,
                                          blob_storage_scheme="http", dfs_storage_authority=authority,
                                          dfs_storage_scheme="http")

    @staticmethod
    def is_part(request):
        return re.search(r"comp=block(&|$)", request.query) is not None

    @staticmethod
    def ends_parts(request):
        return "comp=blocklist" in request.query


STORES = {"moto": Moto, "rclone": Rclone, "azurite": Azurite}
