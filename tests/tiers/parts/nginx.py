"""An nginx of a test's own, API and CDN in one."""

import json
import os
import pathlib
import shutil
import socket
import subprocess

from checks import PATIENCE, wait_until

TOKEN = "user:1234-real-servers-secret"
EMAIL = "someone@example.com"

CONFIG = """
daemon off;
worker_processes 1;
pid {here}/nginx.pid;
error_log {here}/error.log warn;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {here}/temp; proxy_temp_path {here}/temp; fastcgi_temp_path {here}/temp;
    uwsgi_temp_path {here}/temp; scgi_temp_path {here}/temp;
    log_format all escape=json '{{"uri":"$request_uri","status":$status,"authorization":"$http_authorization",'
        '"cookie":"$http_cookie","referer":"$http_referer","range":"$http_range"}}';
    types {{ image/png png; image/jpeg jpg; video/mp4 mp4; }}
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{api};
        access_log {here}/api.log all;
        root {site}/api;
        default_type application/json;
        location /v1/kling/ {{
            if ($http_authorization != "Bearer {token}") {{ return 401 '{{"error":"Unauthorized","code":401}}'; }}
            if ($arg_email != "{email}") {{ return 400 '{{"error":"email is missing"}}'; }}
        }}
    }}
    server {{
        listen 127.0.0.1:{cdn};
        access_log {here}/cdn.log all;
        root {site}/cdn;
        etag on;
        location /slow/ {{ limit_rate 1m; }}
    }}
}}
"""


class Nginx:
    """A server of its own: in the foreground, without rights, on free loopback ports."""

    def __init__(self, here, site):
        self.here, self.site, self.process = here, site, None
        # What the CDN was asked before the log was forgotten.
        self.asked_before = []
        (here / "temp").mkdir(parents=True)
        self.nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        if self.nobody:
            for path in [here, here / "temp"]:
                shutil.chown(path, "nobody", "nogroup")
        self.api_port, site.cdn_port = free_ports(2)

    def start(self):
        config = CONFIG.format(here=self.here, site=self.site.root, api=self.api_port, cdn=self.site.cdn_port,
                               token=TOKEN, email=EMAIL.replace("@", "%40"))
        (self.here / "nginx.conf").write_text(config)
        command = ["nginx", "-c", self.here / "nginx.conf", "-p", self.here, "-e", self.here / "error.log"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **self.nobody)
        wait_until(self.answers, "nginx does not answer")

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError("nginx ended: " + (self.here / "error.log").read_text())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.site.cdn_port)) == 0

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def kill_worker(self):
        """Breaks off every transfer; the master starts another worker."""
        master = self.process.pid
        [worker] = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()
        os.kill(int(worker), 9)

    def log(self, name):
        return [json.loads(line) for line in (self.here / f"{name}.log").read_text().splitlines()]

    def forget(self):
        self.asked_before += self.log("cdn")
        for name in ["api", "cdn"]:
            os.truncate(self.here / f"{name}.log", 0)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
