"""A bucket: `rclone serve s3` over a folder, on a loopback port."""

import os
import pathlib
import subprocess
import sys

from suite.nginx import end, free_ports, wait_for_port

KEY, SECRET = "benchmark", "benchmark-secret"
NAME = "bucket"
# Debian's is too old to serve S3; this one came with requirements.txt.
RCLONE = pathlib.Path(sys.executable).with_name("rclone")


class Bucket:
    """Runs while a `with` lasts; what is put into it lies below `root`."""

    def __init__(self, root):
        self.root = root / "buckets"
        self.log = root / "bucket.log"
        [self.port] = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None

    def __enter__(self):
        (self.root / NAME).mkdir(parents=True)
        command = [RCLONE, "serve", "s3", self.root, "--addr", f"127.0.0.1:{self.port}",
                   "--auth-key", f"{KEY},{SECRET}", "--config", os.devnull, "--log-file", self.log]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.process, self.port, lambda: self.log.read_text())
        return self

    def __exit__(self, *_):
        end(self.process)

    @property
    def environment(self):
        """What tells a program where it is."""
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": self.endpoint}

    def url(self, prefix):
        return f"s3://{NAME}/{prefix}"

    def copied_from(self, folder, prefix):
        """The command that copies a folder into it."""
        remote = f":s3,provider=Other,env_auth=true,endpoint='{self.endpoint}':{NAME}/{prefix}"
        return [RCLONE, "copy", folder, remote, "--config", os.devnull, "--transfers", "16", "--checkers", "16"]
