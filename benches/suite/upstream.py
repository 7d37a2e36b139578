"""The scripted upstream (benches/upstream.rs): replies that are late, bodies that are on no disk."""

import os
import subprocess

from suite.nginx import end


class Upstream:
    """Runs while a `with` lasts, on a port of its own choice."""

    def __init__(self, delay=0, images=0, image=0, video=0):
        self.command = [os.environ["UPSTREAM"], *map(str, [delay, images, image, video])]
        self.process = self.api = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        text=True)
        port = self.process.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"{self.command[0]} ended with {self.process.wait()}")
        self.api = f"http://127.0.0.1:{port}/v1/kling"
        return self

    def __exit__(self, *_):
        end(self.process)
        self.process.stdout.close()
