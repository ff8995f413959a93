"""What the spool already holds, read back: how a line that starts anew learns what the one before it knew."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from models.event import Event
from models.store.spool_file import micros

log = structlog.get_logger()

SURE = 1_000  # rows in a row that are older: a clock that was set back is no reason to forget a call


def told_since(path: Path, since: datetime) -> list[Event]:
    """The events spooled since then, and perhaps some before, in their order. Read only, beside whoever writes.

    One that is damaged is left out. Empty, with a line in the log, when the spool cannot be read at all: then every
    living call is one that nobody knows, and goes to the queue.
    """
    events: list[Event] = []
    try:
        with contextlib.closing(
            sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, timeout=1.0)
        ) as sql:
            # From its end: the spool keeps 35 days and has no index by time.
            older = 0
            for at, data in sql.execute("SELECT at, data FROM event ORDER BY row DESC"):
                older = older + 1 if at < micros(since) else 0
                if older > SURE:
                    break
                with contextlib.suppress(msgspec.DecodeError, TypeError):
                    events.append(Event.decode(data))
    except (sqlite3.Error, OSError) as error:
        log.warning("spool_not_read_back", reason=str(error), events=len(events))
    events.reverse()
    return events
