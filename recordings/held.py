"""Which files are still in somebody's hands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def open_files() -> set[Path]:
    """Files that a process of this user holds open (Linux); Asterisk runs as the same user as the worker."""
    return set(_each())


def _each() -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for handle in (process / "fd").iterdir():
                yield Path(os.readlink(handle))  # noqa: PTH115 - the target may be no path but a socket
        except OSError:
            continue  # gone meanwhile, or not ours to look at
