"""Which files are still in somebody's hands."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def open_files() -> set[Path]:
    """Files that a process of this user holds open (Linux); Asterisk runs as the same user as the worker."""
    return set(_each())


def _each() -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            handles = list((process / "fd").iterdir())
        except OSError:
            continue  # gone meanwhile, or not ours to look at
        for handle in handles:
            with contextlib.suppress(OSError):  # this one was closed meanwhile; the others were not
                yield Path(os.readlink(handle))  # noqa: PTH115 - the target may be no path but a socket
