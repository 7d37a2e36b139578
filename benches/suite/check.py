"""Whether a contender delivered every byte, and sums that are right."""

import hashlib
from concurrent.futures import ThreadPoolExecutor


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wrong_files(work, out):
    """The files of the work that `out` does not hold byte for byte."""
    def complaint(entry):
        name, file = entry
        try:
            return None if sha256(out / name) == file.sha256 else f"{name}: other bytes"
        except FileNotFoundError:
            return f"{name}: missing"

    with ThreadPoolExecutor() as pool:
        return [found for found in pool.map(complaint, work.all_files()) if found]


def wrong_sums(work, out):
    """The files of the work for which `out` has no sum or another, in one SHA256SUMS or in one a folder."""
    told = {}
    for path in [out / "SHA256SUMS", *(out / element / "SHA256SUMS" for element in work.files)]:
        if path.is_file():
            folder = path.parent.relative_to(out)
            for line in path.read_text().splitlines():
                digest, name = line.split(maxsplit=1)
                told[str(folder / name)] = digest
    return [f"{name}: no right sum" for name, file in work.all_files() if told.get(name) != file.sha256]
