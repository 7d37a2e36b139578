"""Mirrors elements with aiohttp: called as aiohttp_mirror.py API_BASE IDS_FILE OUT, with $USEAPI_TOKEN."""

import asyncio
import hashlib
import json
import os
import pathlib
import sys
from urllib.parse import urlsplit

import aiohttp

CONNECTIONS = 16
CHUNK = 256 << 10


class Mirror:
    def __init__(self, session, api, out):
        self.session, self.api, self.out = session, api, out
        self.token = {"Authorization": "Bearer " + os.environ["USEAPI_TOKEN"]}
        self.requests = asyncio.Semaphore(CONNECTIONS)

    async def element(self, element):
        """Fetches an element and its assets into a folder, and writes their sums beside them."""
        folder = self.out / element
        folder.mkdir()
        url = f"{self.api}/elements/{element}"
        async with self.requests, self.session.get(url, headers=self.token) as reply:
            body = await reply.read()
        self.write(folder / "element.json", body)
        assets = {self.name(said): said["resource"] for said in json.loads(body)["resources"]}
        sums = await asyncio.gather(*(self.asset(url, folder / name) for name, url in assets.items()))
        sums = {"element.json": hashlib.sha256(body).hexdigest(), **dict(zip(assets, sums))}
        text = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
        self.write(folder / "SHA256SUMS", text.encode())

    async def asset(self, url, path):
        hasher = hashlib.sha256()
        part = path.with_name(path.name + ".part")
        async with self.requests, self.session.get(url) as reply:
            # Written in pieces as large as they come: no buffer of Python's between.
            with open(part, "wb", buffering=0) as file:
                async for chunk in reply.content.iter_chunked(CHUNK):
                    hasher.update(chunk)
                    file.write(chunk)
        part.rename(path)
        return hasher.hexdigest()

    @staticmethod
    def write(path, data):
        part = path.with_name(path.name + ".part")
        part.write_bytes(data)
        part.rename(path)

    @staticmethod
    def name(said):
        extension = pathlib.PurePosixPath(urlsplit(said["resource"]).path).suffix
        return (said["slotKey"] or said["resourceKey"]) + extension


async def main(api, ids, out):
    out = pathlib.Path(out)
    out.mkdir(parents=True)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=CHUNK,
                                     auto_decompress=False, raise_for_status=True) as session:
        mirror = Mirror(session, api, out)
        elements = iter(pathlib.Path(ids).read_text().split())

        async def worker():
            # All take from one iterator: as many elements are under way as there are connections.
            for element in elements:
                await mirror.element(element)

        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(worker())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
