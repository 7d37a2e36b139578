"""The work that is measured: elements of a kind, the same bytes every time, served from memory."""

import dataclasses
import hashlib
import json
import pathlib
import random
import struct

MADE = 1_736_640_000_000  # 2025-01-12T00:00:00Z
VIEWS = ["side", "back", "topView"]
KB, MB = 1000, 1_000_000


def amount(size):
    return f"{size / MB:g} MB" if size >= MB else f"{size / KB:g} KB"


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    elements: int
    # Images an element, and the bytes of each, least and most.
    images: int
    image: tuple
    # A video in every so many elements, of so many bytes.
    video_every: int = 0
    video: int = 0

    def tiny(self):
        """Enough to see that all works."""
        return dataclasses.replace(self, elements=max(4, self.elements // 100), video=min(self.video, 2 * MB))

    def needs(self):
        """The bytes that the work takes, at most: the sources once, and once more a mirror of them."""
        videos = self.elements // self.video_every * self.video if self.video else 0
        return 2 * (self.elements * (self.images * self.image[1] + 16 * KB) + videos)

    def describe(self):
        images = f"{self.images} images" if self.images > 1 else "an image"
        every = "each" if self.video_every == 1 else f"one of {self.video_every}"
        video = f", a video of {amount(self.video)} in {every}" if self.video else ""
        least, most = map(amount, self.image)
        return f"{self.elements} elements, {images} of {least} to {most} each{video}"


KINDS = {
    kind.name: kind for kind in [
        Kind("small", 2000, 4, (32 * KB, 64 * KB)),
        Kind("typical", 400, 4, (150 * KB, 1 * MB), 4, 6 * MB),
        Kind("large", 40, 1, (150 * KB, 1 * MB), 1, 64 * MB),
    ]
}


@dataclasses.dataclass
class File:
    source: pathlib.Path
    size: int
    sha256: str


class Noise:
    """Bytes that don't compress: pieces of one pool, each told apart by its name."""

    def __init__(self):
        self.pool = random.Random(1).randbytes(68 * MB)

    def __call__(self, name, size):
        mark = hashlib.sha256(name.encode()).digest()
        start = int.from_bytes(mark[:4], "big") % (len(self.pool) - size)
        return [mark, memoryview(self.pool)[start:start + size - len(mark)]]


def jpeg(noise):
    """The segments that say what a JPEG is, and noise for the picture."""
    frame = b"\xff\xc0\0\x0b\x08" + struct.pack(">HH", 480, 640) + b"\x01\x01\x11\0"
    head = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    return [head, frame, b"\xff\xda\0\x08\x01\x01\0\0\x3f\0", *noise, b"\xff\xd9"]


def mp4(noise):
    return [b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2", *noise]


class Work:
    """The elements of a kind: files of API and CDN below `root`, and what a mirror of them must hold."""

    def __init__(self, kind, root):
        self.kind, self.root = kind, root
        self.ids = root / "ids.txt"
        # By element and name in its folder.
        self.files = {}
        self.api = self.cdn = None

    def fill(self, api, cdn):
        """Makes all of it, for servers at these origins."""
        self.api, self.cdn = f"{api}/v1/kling", cdn
        noise, sizes = Noise(), random.Random(2)
        for number in range(self.kind.elements):
            element = f"u_{302_000_000_000_000 + number * 7919}"
            files = self.files[element] = {}
            for name in ["cover", *VIEWS][:self.kind.images]:
                media = jpeg(noise(element + name, sizes.randint(*self.kind.image)))
                files[f"{name}.jpg"] = self.put_asset(element, f"{name}.jpg", media)
            if self.kind.video and number % self.kind.video_every == 0:
                media = mp4(noise(element, self.kind.video))
                files["video.mp4"] = self.put_asset(element, "video.mp4", media)
            files["element.json"] = self.put_reply(element, files)
        self.ids.write_text("".join(f"{element}\n" for element in self.files))

    def put_asset(self, element, name, parts):
        return self.put(self.root / f"cdn/ai-platform/{element}/{name}", parts)

    def put_reply(self, element, files):
        resources = []
        for name in files:
            stem = name.split(".")[0]
            key, slot = ("secondary", stem) if stem in VIEWS else (stem, "")
            resources.append({"resource": f"{self.cdn}/ai-platform/{element}/{name}?x-kcdn-pid=112452",
                              "resourceKey": key, "cover": key == "cover", "slotKey": slot})
        told = {"id": element, "name": "Name of it", "userId": 42, "type": "IMAGE", "tagList": [],
                "description": "An element.", "cover": resources[0], "resources": resources,
                "currentVersion": 1, "createTime": MADE, "updateTime": MADE, "favored": False,
                "official": False}
        return self.put(self.root / f"api/v1/kling/elements/{element}", [json.dumps(told).encode()])

    @staticmethod
    def put(path, parts):
        path.parent.mkdir(parents=True, exist_ok=True)
        hasher = hashlib.sha256()
        with open(path, "wb") as file:
            for part in parts:
                hasher.update(part)
                file.write(part)
        return File(path, path.stat().st_size, hasher.hexdigest())

    def all_files(self):
        """Their names below a mirror's folder, and they."""
        for element, files in self.files.items():
            for name, file in files.items():
                yield f"{element}/{name}", file

    @property
    def bytes(self):
        return sum(file.size for _, file in self.all_files())

    @property
    def count(self):
        return sum(len(files) for files in self.files.values())

    def floor_list(self):
        """What `floors` is told: a line a file, the API's replies first."""
        path = self.root / "floors.tsv"
        replies, assets = [], []
        for name, file in self.all_files():
            served = file.source.relative_to(self.root)
            lines, origin = (replies, self.api) if served.parts[0] == "api" else (assets, self.cdn)
            where = "/".join(served.parts[1:])
            lines.append(f"{origin.split('/')[2]}\t/{where}\t{file.size}\t{name}\t{file.source}\n")
        path.write_text("".join(replies + assets))
        return path
