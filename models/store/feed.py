"""From the spool to the store: every event exactly once, in the spool's order.

The cursor is advanced in the transaction that applies the events, so a crash at any point repeats nothing and
leaves nothing out. An event that cannot be applied goes to `refused_event`, with an alarm; the rest goes on.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.event import Event, now
from models.log import LoggedEvent, RefusedEvent, SpoolCursor
from models.store.engine import Store
from models.store.errors import classify
from models.store.log import record

log = structlog.get_logger()

Projection = Callable[[Session, Event], None]
Spooled = tuple[int, bytes, bytes]  # row, id, data


def together(*maps: Mapping[str, Projection]) -> dict[str, Projection]:
    """One mapping of several: a kind known to more than one is projected by each, in the order given."""
    merged: dict[str, Projection] = {}
    for one in maps:
        for kind, projection in one.items():
            merged[kind] = _both(merged[kind], projection) if kind in merged else projection
    return merged


def _both(first: Projection, second: Projection) -> Projection:
    def projection(session: Session, event: Event) -> None:
        first(session, event)
        second(session, event)

    return projection


class Feed:
    """Applies one node's spool; any process may run it, beside the line that writes the spool."""

    def __init__(
        self, store: Store, spool_path: Path, node: str, projections: Mapping[str, Projection]
    ) -> None:
        self._store = store
        self._path = spool_path
        self._node = node
        self._projections = projections
        self._done: tuple[str, int] | None = (
            None  # spool and row known to be applied: spares an idle transaction
        )

    def step(self, limit: int = 500) -> int:
        """Applies up to `limit` events and returns how many rows it went on by; 0: nothing new.

        Raises `Retryable` when the store is away or another came first (nothing is applied then),
        `StoreDamaged` when a person must help. A spool that is not there yet, or is being replaced, counts as empty.
        """
        try:
            with _opened(self._path) as spool:
                name, end = _extent(spool)
                if self._done == (name, end):
                    return 0
                with self._store.transaction() as session:
                    rows = self._take(session, spool, name, limit)
                self._done = (name, rows[-1][0] if rows else end)
                return len(rows)
        except sqlite3.Error as error:
            log.warning("spool_unreadable", node=self._node, reason=str(error))
            return 0

    def _take(self, session: Session, spool: sqlite3.Connection, name: str, limit: int) -> list[Spooled]:
        cursor = session.get(SpoolCursor, (self._node, name), with_for_update=True)
        if cursor is None:
            cursor = SpoolCursor(node=self._node, spool=name, row=0, last=None)
            session.add(cursor)
        if _went_back(spool, cursor):
            log.error("spool_went_back", node=self._node, row=cursor.row)
            cursor.row = 0  # an older copy was put back: look at all of it again; known ids are skipped
        query = "SELECT row, id, data FROM event WHERE row > ? ORDER BY row LIMIT ?"
        rows: list[Spooled] = spool.execute(query, (cursor.row, limit)).fetchall()
        known = _known(session, [_as_uuid(event_id) for _, event_id, _ in rows])
        for row, event_id, data in rows:
            if _as_uuid(event_id) not in known:
                self._apply(session, name, row, data)
        if rows:
            cursor.row, cursor.last = rows[-1][0], _as_uuid(rows[-1][1])
        return rows

    def _apply(self, session: Session, name: str, row: int, data: bytes) -> None:
        try:
            event = Event.decode(data)
            with session.begin_nested():
                record(session, event, spool=name, spool_row=row)
                projection = self._projections.get(event.kind)
                if projection is not None:
                    projection(session, event)
        except Exception as error:
            if classify(error) is not None:
                raise  # the store, not the event
            self._refuse(session, name, row, data, error)

    def _refuse(self, session: Session, name: str, row: int, data: bytes, error: Exception) -> None:
        log.error("event_refused", node=self._node, row=row, error=type(error).__name__)
        why = f"{type(error).__name__}: {error}".replace("\x00", "")
        session.merge(
            RefusedEvent(
                node=self._node, spool=name, spool_row=row, data=_as_bytes(data), why=why[:2_000], at=now()
            )
        )
        session.flush()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    sql = sqlite3.connect(path.absolute().as_uri() + "?mode=rw", uri=True, timeout=2.0, isolation_level=None)
    try:
        sql.execute("PRAGMA query_only=ON")
        yield sql
    finally:
        sql.close()


def _extent(spool: sqlite3.Connection) -> tuple[str, int]:
    """The spool's id, and its last row."""
    name = spool.execute("SELECT value FROM meta WHERE name = 'spool'").fetchone()
    end = spool.execute("SELECT max(row) FROM event").fetchone()
    return ("" if name is None else str(name[0])), end[0] or 0


def _went_back(spool: sqlite3.Connection, cursor: SpoolCursor) -> bool:
    if cursor.row == 0:
        return False
    there = spool.execute("SELECT id FROM event WHERE row = ?", (cursor.row,)).fetchone()
    if there is not None:
        return _as_uuid(there[0]) != cursor.last
    ever = spool.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
    return ever is None or int(ever[0]) < cursor.row  # else the row was pruned


def _known(session: Session, ids: list[UUID | None]) -> set[UUID | None]:
    whole = [event_id for event_id in ids if event_id is not None]
    return set(session.scalars(select(LoggedEvent.id).where(LoggedEvent.id.in_(whole)))) if whole else set()


def _as_bytes(data: object) -> bytes:
    """Damage may also change the type of what SQLite finds."""
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")


def _as_uuid(event_id: object) -> UUID | None:
    """None for an id that damage has touched."""
    return UUID(bytes=event_id) if isinstance(event_id, bytes) and len(event_id) == 16 else None
