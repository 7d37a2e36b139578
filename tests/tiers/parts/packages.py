"""What a tier takes from PyPI."""

import os
import pathlib
import site
import subprocess
import sys

PROJECT = pathlib.Path(__file__).resolve().parents[3]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))


def python_packages(tier, requirements):
    """Installs what is not there yet, for this very process too; gives the environment that it is in."""
    venv = TARGET / tier / "venv"
    packages = venv / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    if not packages.is_dir():
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
    pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", requirements], check=True)
    site.addsitedir(packages)
    return venv
