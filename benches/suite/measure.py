"""What a command takes: time on the clock, processor time, peak memory."""

import dataclasses
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile

LAUNCH = pathlib.Path(__file__).with_name("launch.py")


class Failed(Exception):
    """A command that was to be measured did not do its work."""


@dataclasses.dataclass
class Measured:
    wall: float  # seconds
    user: float
    system: float
    peak: int  # bytes, of the largest process

    @property
    def cpu(self):
        return self.user + self.system


def measure(command, stdin=None, environment=None, codes=(0,)):
    """Runs a command to its end; fails where it ends with none of `codes`, and says its last words."""
    command = [str(part) for part in command]
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as said, open(stdin or os.devnull, "rb") as given:
        launcher = [sys.executable, "-I", "-S", "-E", LAUNCH, str(writer), *command]
        # A group of its own, so that nothing of it outlives an interrupted benchmark.
        process = subprocess.Popen(launcher, stdin=given, stdout=said, stderr=said, pass_fds=[writer],
                                   env={**os.environ, **(environment or {})}, process_group=0)
        os.close(writer)
        try:
            process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
        with os.fdopen(reader) as report:
            fields = report.read().split()
        if not fields or int(fields[0]) not in codes:
            said.seek(0)
            words = said.read()[-2000:].decode(errors="replace")
            code = fields[0] if fields else "nothing measured"
            raise Failed(f"{' '.join(command)} ended with {code}\n{words}")
    return Measured(float(fields[1]), float(fields[2]), float(fields[3]), int(fields[4]) * 1024)


def median(measured):
    """The medians of several runs, each figure by itself."""
    fields = [field.name for field in dataclasses.fields(Measured)]
    return Measured(*(statistics.median(getattr(one, field) for one in measured) for field in fields))
