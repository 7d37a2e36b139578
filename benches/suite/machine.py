"""What the figures were taken on."""

import os
import pathlib
import platform
import re
import subprocess

from suite import contender

# What makes hashing fast or slow.
FLAGS = ["sha_ni", "ssse3", "avx2", "avx512f", "sha2"]


def describe():
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*: (.*)$", cpuinfo, re.MULTILINE)
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) * 1024
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().rpartition("/")[2]
    contenders = {one.name: one.says_version() for one in contender.ALL if one.version and one.there()}
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "flags": [flag for flag in FLAGS if flags and flag in flags[1].split()],
        "memory": memory,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {"nginx": nginx, **contenders},
    }


def sentence(machine):
    flags = ", ".join(machine["flags"]) or "none of note"
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (f"{machine['cpu']}, {machine['cores']} cores ({flags}), {machine['memory'] >> 30} GiB, "
            f"Linux {machine['kernel']}\n{versions}, Python {machine['python']}")
