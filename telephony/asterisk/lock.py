"""The lock: the packages the program is built from, by content. One line each: `sha256 size pool/…/name.deb`.

No mirror is named in it: any archive that still carries a file of that content will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Package:
    """One package file; `size` in bytes, `path` below the archive's root."""

    sha256: str
    size: int
    path: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def text(architecture: str) -> str:
    """The lock of an architecture; empty where none was made yet."""
    file = resources.files("telephony.asterisk") / f"{architecture}.lock"
    return file.read_text("ascii") if file.is_file() else ""


def parse(lock: str) -> list[Package]:
    packages = []
    for line in lock.splitlines():
        if line and not line.startswith("#"):
            sha256, size, path = line.split()
            packages.append(Package(sha256, int(size), path))
    return packages
