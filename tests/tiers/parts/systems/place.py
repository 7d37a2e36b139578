"""A machine as somebody has it: the program on the PATH, a token, the examples."""

import json
import pathlib
import subprocess

from checks import PATIENCE
from upstream import TOKEN

PROJECT = pathlib.Path(__file__).resolve().parents[4]
EXAMPLES = PROJECT / "examples"


class Place:
    """A folder for one topic; nothing of the caller's environment is in what runs here."""

    def __init__(self, here, program, tools):
        self.here, self.bin, self.token = here, here / "bin", here / "token"
        self.bin.mkdir(parents=True)
        self.program = self.bin / "element-mirror"
        self.program.symlink_to(program)
        for tool in tools:
            (self.bin / tool.name).symlink_to(tool)
        self.token.write_text(TOKEN + "\n")

    def environment(self, more=()):
        path = f"{self.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        return {"PATH": path, "HOME": str(self.here), "LANG": "C.UTF-8", **dict(more)}

    def run(self, *command, env=(), **options):
        """Runs a command to its end, here."""
        options = {"stdin": subprocess.DEVNULL, "cwd": self.here, **options}
        if "input" in options:
            del options["stdin"]
        return subprocess.run([str(word) for word in command], env=self.environment(env), capture_output=True,
                              text=True, timeout=PATIENCE, **options)

    def mirror(self, *args, **options):
        """Runs the program to its end, here."""
        return self.run(self.program, *args, **options)

    def demo(self, *args):
        """Runs the program on its sample API."""
        return self.mirror("run", "--demo", PROJECT / "sample-ids.txt", "-o", "mirror", *args)

    def copy(self, example, replace=(), to=None):
        """A copy of an example, with some of it replaced: paths, where it is to work as it is."""
        text = (EXAMPLES / example).read_text()
        for old, new in dict(replace).items():
            if old not in text:
                raise RuntimeError(f"{example} does not name {old}")
            text = text.replace(old, str(new))
        path = self.here / (to or example)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def lines(self, path):
        """The objects of a file that has one a line."""
        return [json.loads(line) for line in (self.here / path).read_text().splitlines()]
