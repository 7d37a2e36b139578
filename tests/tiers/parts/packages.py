"""Python packages that a tier needs, in a virtual environment of its own."""

import pathlib
import site
import subprocess
import sys

PARTS = pathlib.Path(__file__).resolve().parent


def python_packages(venv, tier):
    """Installs of a tier's requirements what is not there yet, for this process too."""
    packages = venv / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    if not packages.is_dir():
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
    pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", PARTS / tier / "requirements.txt"], check=True)
    site.addsitedir(packages)
