"""An API and CDN whose elements are new each time that they are asked for."""

import collections
import hashlib
import http.server
import json
import struct
import sys
import threading
import urllib.parse
import zlib

TOKEN = "user:1234-systems-secret"
EMAIL = "someone@example.com"
SLOTS = ["", "side", "back"]


def noise(name, size):
    return hashlib.shake_256(name.encode()).digest(size)


def png(name, height):
    """A grey picture of noise, 512 wide, the same for the same name."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + noise(f"{name} {row}", 512) for row in range(height))
    head = struct.pack(">IIBBBBB", 512, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows, 0)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        """Whoever asks may go away before it has its answer; what else is wrong is said."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, address)


class Upstream:
    """The server, on a loopback port until it is stopped; `elements` are the IDs that it has."""

    def __init__(self, elements, height=100):
        self.elements, self.height = list(elements), height
        # How often each was asked for; where `moving` is False, it stays as it is.
        self.versions = collections.Counter()
        self.moving = True
        # IDs that can't be had, and what is said instead.
        self.faults = {}
        self.asked = []
        # Cleared, it keeps those waiting who ask for an element.
        self.answering = threading.Event()
        self.answering.set()
        self.server = Server(("127.0.0.1", 0), self.handler())
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answering.set()
        self.server.shutdown()
        self.server.server_close()

    def environment(self):
        """What leads the program here without a word on its command line, but for the token."""
        return {"ELEMENT_MIRROR_API_BASE": f"{self.origin}/v1/kling", "ELEMENT_MIRROR_ALLOW_PRIVATE_ASSETS": "1",
                "ELEMENT_MIRROR_RETRIES": "0"}

    def element(self, element):
        version = self.versions[element]
        paths = [f"{self.origin}/cdn/{element}/{version}/{slot or 'cover'}.png" for slot in SLOTS]
        resources = [{"resource": path, "resourceKey": "secondary" if slot else "cover", "cover": not slot,
                      "slotKey": slot} for slot, path in zip(SLOTS, paths)]
        moved = 1_736_640_000_000 + version * 1000
        return {"id": element, "name": f"Name of {element}", "userId": 42, "type": "IMAGE", "description": "",
                "cover": resources[0], "resources": resources, "tagList": [], "currentVersion": version,
                "createTime": 1_736_640_000_000, "updateTime": moved, "favored": False, "official": False}

    def answer(self, path, query, headers):
        self.asked.append(path)
        parts = path.strip("/").split("/")
        if parts[0] == "cdn":
            return 200, "image/png", png(path, self.height)
        status, reply = self.api(parts[2:], query, headers)
        return status, "application/json", json.dumps(reply).encode()

    def api(self, parts, query, headers):
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "Unauthorized", "code": 401}
        if parts == ["accounts"]:
            return 200, {EMAIL: {"email": EMAIL}}
        if parts == ["elements"]:
            page, size = (int(query[name][0]) for name in ["pageNum", "pageSize"])
            shown = self.elements[(page - 1) * size:page * size]
            return 200, {"elementsList": [self.element(element) for element in shown], "total": len(self.elements)}
        [_, element] = parts
        self.answering.wait()
        if element in self.faults:
            return self.faults[element], {"error": "out of order"}
        if element not in self.elements:
            return 404, {"error": "not found"}
        if self.moving:
            self.versions[element] += 1
        return 200, self.element(element)

    def handler(self):
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                status, kind, body = upstream.answer(url.path, urllib.parse.parse_qs(url.query), self.headers)
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler
