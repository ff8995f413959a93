"""The log of what a command does: a file, because the screen is for sentences."""

from __future__ import annotations

import logging
from pathlib import Path

from ivr import logs


def to_file(path: Path) -> None:
    """From now on this process logs to `path`; raises `OSError` when that cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("a", encoding="utf-8")
    logs.configure("command", terminal=False)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(stream)
