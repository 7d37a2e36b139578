"""Where files go: in memory, where disks are not to be measured, and on the disk, where they are."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

SHARED_MEMORY = pathlib.Path("/dev/shm")
TARGET = pathlib.Path(os.environ.get("BENCHES_TARGET", "target/benches"))


class NoRoom(Exception):
    """The bytes don't fit; what wants them is skipped, and that is said."""


@contextlib.contextmanager
def folder(on_disk=False):
    """A folder that goes when the `with` ends."""
    within = TARGET if on_disk else SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    if within:
        within.mkdir(parents=True, exist_ok=True)
    prefix = f"element-mirror-benches-{os.getpid()}-"
    path = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=within)).resolve()
    # A server without rights is to read what is in it.
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def room_for(size, path):
    free = shutil.disk_usage(path).free
    if free < size:
        raise NoRoom(f"{path.parent} has {free / 1e9:.1f} GB free, and {size / 1e9:.1f} GB are needed")


def file_system(path):
    """The name of the file system that a path is on."""
    command = ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
