"""An nginx that is API and CDN of some work: static files, one worker, connections that stay open."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

TOKEN = "user:1234-benchmark"
PATIENCE = 30

CONFIG = """
daemon off;
worker_processes 1;
pid {here}/nginx.pid;
error_log {here}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {here}/temp; proxy_temp_path {here}/temp; fastcgi_temp_path {here}/temp;
    uwsgi_temp_path {here}/temp; scgi_temp_path {here}/temp;
    sendfile on;
    sendfile_max_chunk 2m;
    tcp_nopush on;
    keepalive_requests 100000000;
    keepalive_timeout 600s;
    access_log off;
    types {{ image/jpeg jpg; video/mp4 mp4; }}
    server {{
        listen 127.0.0.1:{api};
        root {root}/api;
        default_type application/json;
        if ($http_authorization != "Bearer {token}") {{ return 401 '{{"error":"Unauthorized","code":401}}'; }}
    }}
    server {{
        listen 127.0.0.1:{cdn};
        root {root}/cdn;
        {log}
    }}
}}
"""


class Nginx:
    """Runs while a `with` lasts, in the foreground, on free loopback ports."""

    def __init__(self, root, counts=False):
        self.root, self.here = root, root / "nginx"
        # Whether the CDN's requests are counted, which costs a little.
        self.counts = counts
        self.process = None
        self.api_port, self.cdn_port = free_ports(2)
        self.api, self.cdn = (f"http://127.0.0.1:{port}" for port in [self.api_port, self.cdn_port])

    def __enter__(self):
        (self.here / "temp").mkdir(parents=True)
        log = f"access_log {self.here}/cdn.log;" if self.counts else ""
        config = CONFIG.format(here=self.here, root=self.root, api=self.api_port, cdn=self.cdn_port,
                               token=TOKEN, log=log)
        (self.here / "nginx.conf").write_text(config)
        # Its worker has no rights where this runs as root; all that it reads or writes is to be open to it.
        nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        if nobody:
            for path in [self.here, self.here / "temp"]:
                shutil.chown(path, "nobody", "nogroup")
        command = ["nginx", "-c", self.here / "nginx.conf", "-p", self.here, "-e", self.here / "error.log"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **nobody)
        wait_for_port(self.process, self.cdn_port, lambda: (self.here / "error.log").read_text())
        return self

    def __exit__(self, *_):
        end(self.process)

    def cdn_requests(self):
        return len((self.here / "cdn.log").read_bytes().splitlines())

    def forget(self):
        os.truncate(self.here / "cdn.log", 0)


def wait_for_port(process, port, why):
    until = time.monotonic() + PATIENCE
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"{pathlib.Path(process.args[0]).name} ended: {why()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > until:
            raise RuntimeError(f"nothing answers on port {port}")
        time.sleep(0.01)


def end(process):
    """Ends a process that this program started, and waits for it."""
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
