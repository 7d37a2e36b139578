"""Who is measured: how each is started, and what it owes."""

import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import typing

from suite.check import wrong_files, wrong_sums
from suite.measure import Failed, measure
from suite.nginx import TOKEN

CONTENDERS = pathlib.Path(__file__).parents[1] / "contenders"
PROGRAM = os.environ.get("PROGRAM", "")
FLOORS = os.environ.get("FLOORS", "")
SUBJECT = "element-mirror"
FLOOR = "floor store"


@dataclasses.dataclass(frozen=True)
class Contender:
    name: str
    # From the work and the folder that it is to fill to a command line.
    command: typing.Callable
    owes_files: bool = True
    owes_sums: bool = True
    # How it says its version.
    version: tuple = ()

    def run(self, work, out):
        """Does the work once; fails where a byte is missing or wrong."""
        measured = measure(self.command(work, out), environment={"USEAPI_TOKEN": TOKEN})
        wrong = wrong_files(work, out) if self.owes_files else []
        wrong += wrong_sums(work, out) if self.owes_sums else []
        if wrong:
            raise Failed(f"{self.name} did not do its work: {len(wrong)} wrong\n" + "\n".join(wrong[:10]))
        return measured

    def there(self):
        """Whether what it is made of is installed."""
        return not self.version or self.says_version() != ""

    def says_version(self):
        try:
            said = subprocess.run(self.version, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return ""
        return re.search(r"\d+\.\d+\S*", said)[0]


def mirror(api, ids, out, *options, concurrency=16):
    """The command line of a run of element-mirror."""
    return [PROGRAM, "run", "--api-base", api, "--allow-private-assets", "--email", "someone@example.com",
            "--concurrency", concurrency, "-o", out, *options, ids]


def script(name):
    path = CONTENDERS / name
    runner = [sys.executable] if path.suffix == ".py" else []
    return lambda work, out: [*runner, path, work.api, work.ids, out]


def floor(mode):
    return lambda work, out: [FLOORS, mode, work.floor_list(), out]


AIOHTTP_VERSION = (sys.executable, "-c", "import aiohttp; print(aiohttp.__version__)")
ALL = [
    Contender(SUBJECT, lambda work, out: mirror(work.api, work.ids, out), version=(PROGRAM, "--version")),
    Contender("aiohttp", script("aiohttp_mirror.py"), version=AIOHTTP_VERSION),
    Contender("curl+jq", script("curl_jq.sh"), version=("curl", "--version")),
    Contender("aria2", script("aria2.sh"), version=("aria2c", "--version")),
    Contender("rclone", script("rclone.sh"), version=("rclone", "version")),
    Contender("floor network", floor("network"), owes_files=False, owes_sums=False),
    Contender(FLOOR, floor("store")),
    Contender("floor copy", floor("copy"), owes_sums=False),
    Contender("floor versions", floor("versions")),
    Contender("floor client", floor("client")),
]
