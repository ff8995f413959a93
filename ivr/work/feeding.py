"""The spool into the store: each event once, its nouns with it, and the bell for whoever shows them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy.orm import Session

import callbacks.project
import cases.project
import recordings.project
from config.settings import Settings
from models import kinds
from models.event import Event, now
from models.log import SpoolCursor
from models.store.bus import Bell
from models.store.engine import Store
from models.store.feed import Feed, together
from models.store.spool_file import micros

log = structlog.get_logger()

LAG = timedelta(seconds=5)  # what the way from the spool to the store may take
_TOPICS = {"call": "calls", "case": "cases", "attempt": "cases"}
_LIMIT = 500


class Feeding:
    """One step applies what is spooled, then rings for each call and case that changed."""

    def __init__(self, settings: Settings, store: Store, bell: Bell, changed: Callable[[], None]) -> None:
        """`changed` is called after a step that applied something."""
        self._bell = bell
        self._changed = changed
        self._touched: dict[tuple[str, str], None] = {}
        every = dict.fromkeys(all_kinds(), self._note)
        self._feed = Feed(
            store,
            settings.spool,
            settings.node,
            together(
                recordings.project.PROJECTIONS,  # the call before the case that names it
                cases.project.PROJECTIONS,
                callbacks.project.PROJECTIONS,
                every,
            ),
        )

    def step(self) -> bool:
        """Whether there may be more. Raises what the store raises; nothing is lost then."""
        self._touched.clear()
        count = self._feed.step(_LIMIT)
        for topic, name in list(self._touched):  # `tidy` may add from its own thread
            self._bell.ring(topic, name)
        if count:
            self._changed()
        return count >= _LIMIT

    def tidy(self) -> None:
        """Old rows leave the spool, and what was refused is tried again. Raises what the store raises."""
        self._feed.retry_refused()
        while self._feed.prune(now()):
            pass

    def drained(self) -> bool:
        """Applies a last part; True when nothing is left."""
        return self._feed.step(_LIMIT) == 0

    def _note(self, session: Session, event: Event) -> None:
        subject, _, name = event.stream.partition(":")
        if subject in _TOPICS:
            self._touched[_TOPICS[subject], name] = None


def fed(session: Session, spool: Path, node: str) -> bool:
    """Whether all that was spooled before these last seconds is applied; False too for an unreadable spool."""
    if not spool.exists():
        return True
    try:
        with contextlib.closing(sqlite3.connect(f"{spool.absolute().as_uri()}?mode=rw", uri=True)) as sql:
            sql.execute("PRAGMA query_only=ON")
            ((name,),) = sql.execute("SELECT value FROM meta WHERE name = 'spool'").fetchall()
            cursor = session.get(SpoolCursor, (node, str(name)))
            applied = 0 if cursor is None else cursor.row
            ((oldest,),) = sql.execute("SELECT min(at) FROM event WHERE row > ?", (applied,)).fetchall()
    except (sqlite3.Error, ValueError) as error:
        log.warning("spool_unreadable", node=node, reason=str(error))
        return False
    return oldest is None or oldest > micros(now() - LAG)


def all_kinds() -> list[str]:
    """Every kind of event there is."""
    return [value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, str)]
