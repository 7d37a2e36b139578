"""A site of 100 elements: media made from the names of files alone, the same every time."""

import hashlib
import json
import os
import struct
import time
import zlib

ELEMENTS = 100
SLOTS = ["", "side", "back", "topView"]
MADE = 1_736_640_000  # 2025-01-12T00:00:00Z


def noise(name, size):
    return hashlib.shake_256(name.encode()).digest(size)


def size_of(name, least, most):
    return least + int.from_bytes(noise("size of " + name, 4), "big") % (most - least)


def png(name):
    """A grey picture of noise, 256 wide."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width, height = 256, size_of(name, 10_000, 300_000) // 257
    rows = b"".join(b"\0" + noise(f"{name} {row}", width) for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows, 0)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts), "image/png", (width, height)


def jpeg(name):
    """The segments that say what a JPEG is, and noise for the picture."""
    width, height = 640, 480
    frame = b"\xff\xc0\0\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\0"
    head = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0" + frame + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0"
    return head + noise(name, size_of(name, 10_000, 300_000)) + b"\xff\xd9", "image/jpeg", (width, height)


def mp4(name, size=None):
    head = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2"
    return head + noise(name, size or size_of(name, 10_000, 300_000)), "video/mp4", None


class Site:
    """The files that nginx serves, and what a mirror of them must hold."""

    def __init__(self, root):
        self.root = root
        self.cdn_port = None
        # By ID: the assets as a manifest has them, each with its source.
        self.assets = {}
        self.told = {}

    def put(self, path, data, mtime=MADE):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        fresh.write_bytes(data)
        os.utime(fresh, (mtime, mtime))
        fresh.rename(path)
        return path

    def asset(self, path, media, role, slot="", mtime=MADE):
        """Serves an asset; gives what the manifest will say of it."""
        data, media_type, size = media
        source = self.put(f"cdn/{path}", data, mtime)
        extension = {"image/png": "png", "image/jpeg": "jpg", "video/mp4": "mp4"}[media_type]
        url = f"http://127.0.0.1:{self.cdn_port}/{path}"
        said = {"file": f"{slot or role}.{extension}", "role": role, "slot": slot, "mediaType": media_type,
                "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "url": url,
                "width": size and size[0], "height": size and size[1],
                "etag": f'"{mtime:x}-{len(data):x}"',
                "lastModified": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(mtime))}
        return said, source

    def tell(self, element, assets, version=1):
        """Serves an element."""
        resources = [{"resource": said["url"] + "?x-kcdn-pid=1", "resourceKey": said["role"],
                      "cover": said["role"] == "cover", "slotKey": said["slot"]} for said, _ in assets]
        moved = (MADE + version) * 1000
        told = {"id": element, "name": f"Name of {element}", "userId": 42, "type": "IMAGE", "description": "",
                "cover": resources[0], "resources": resources, "tagList": [], "currentVersion": version,
                "createTime": MADE * 1000, "updateTime": moved, "favored": False, "official": False}
        self.put(f"api/v1/kling/elements/{element}", json.dumps(told).encode())
        self.assets[element], self.told[element] = assets, told

    def fill(self):
        for number in range(ELEMENTS):
            element = f"u_{302_000_000_000_000 + number * 7919}"
            assets = []
            for slot in SLOTS:
                name = f"ai-platform/{element}/{slot or 'cover'}"
                make, ending = (png, ".png") if (number + len(slot)) % 2 else (jpeg, ".jpg")
                # Some paths have no extension.
                ending = "" if number % 10 == 3 else ending
                assets.append(self.asset(name + ending, make(name), "secondary" if slot else "cover", slot))
            if number % 8 == 0:
                name = f"ai-platform/{element}/video.mp4"
                assets.append(self.asset(name, mp4(name), "video"))
            self.tell(element, assets)
