"""From the spool to the store: every event exactly once, in the spool's order.

The cursor is advanced in the transaction that applies the events, so a crash at any point repeats nothing and
leaves nothing out. An event that cannot be applied goes to `refused_event`, with an alarm; the rest goes on.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.event import Event, now
from models.log import LoggedEvent, RefusedEvent, SpoolCursor
from models.store.engine import Store
from models.store.errors import Conflict, classify, conflict
from models.store.log import record
from models.store.spool_file import prune

log = structlog.get_logger()

Projection = Callable[[Session, Event], None]
Spooled = tuple[int, bytes, bytes]  # row, id, data

KEPT = timedelta(days=35)  # how long a row stays in the spool after the store has it
_MOST, _FEWEST = 4_000, 10  # events of one transaction


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
        self._most = _MOST
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
                try:
                    with self._store.transaction() as session:
                        rows = self._take(session, spool, name, min(limit, self._most))
                except Conflict:  # a shorter transaction is less in the way of others, and they of it
                    self._most = max(_FEWEST, self._most // 2)
                    raise
                self._most = min(_MOST, self._most * 2)
                self._done = (name, rows[-1][0] if rows else end)
                return len(rows)
        except sqlite3.Error as error:
            log.warning("spool_unreadable", node=self._node, reason=str(error))
            return 0

    def prune(self, at: datetime, most: int = 1_000) -> int:
        """Deletes up to `most` spool rows older than 35 days at `at`, of those the store has; how many it was.

        Raises what reading the store raises.
        """
        try:
            with _opened(self._path, writing=True) as spool:
                name, _ = _extent(spool)
                with self._store.reading() as session:
                    cursor = session.get(SpoolCursor, (self._node, name))
                return prune(spool, at - KEPT, cursor.row, most) if cursor else 0
        except sqlite3.Error as error:
            log.warning("spool_not_pruned", node=self._node, reason=str(error))
            return 0

    def retry_refused(self, limit: int = 500) -> int:
        """Tries what was refused once more (a newer program may know how); how many are applied now.

        Raises like `step`.
        """
        mine = select(RefusedEvent).where(RefusedEvent.node == self._node)
        healed = 0
        with self._store.transaction() as session:
            for row in session.scalars(
                mine.order_by(RefusedEvent.at, RefusedEvent.spool_row).limit(limit)
            ).all():
                event = _decoded(row.data)
                if not isinstance(event, Event):
                    continue
                if _known(session, [event]) or self._apply(session, row.spool, row.spool_row, event) is None:
                    session.delete(row)
                    healed += 1
        return healed

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
        read = [_decoded(data) for _, _, data in rows]
        known = _known(session, read)
        for (row, _, data), event in zip(rows, read, strict=True):
            if isinstance(event, Event) and event.id in known:
                continue
            error = self._apply(session, name, row, event) if isinstance(event, Event) else event
            if error is not None:
                self._refuse(session, name, row, data, error)
        if rows:
            cursor.row, cursor.last = rows[-1][0], _as_uuid(rows[-1][1])
        return rows

    def _apply(self, session: Session, name: str, row: int, event: Event) -> Exception | None:
        """Why the event cannot be applied. What the store itself has to say is raised."""
        try:
            with session.begin_nested():
                _record(session, event, name, row)
                projection = self._projections.get(event.kind)
                if projection is not None:
                    projection(session, event)
        except Exception as error:
            if classify(error) is not None:
                raise  # the store, not the event
            return error
        return None

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
def _opened(path: Path, writing: bool = False) -> Iterator[sqlite3.Connection]:
    sql = sqlite3.connect(path.absolute().as_uri() + "?mode=rw", uri=True, timeout=2.0, isolation_level=None)
    try:
        sql.execute(f"PRAGMA query_only={'OFF' if writing else 'ON'}")
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


def _decoded(data: object) -> Event | Exception:
    try:
        return Event.decode(_as_bytes(data))
    except Exception as error:  # damage may raise more than a decoder's own errors
        return error


def _known(session: Session, read: Sequence[Event | Exception]) -> set[UUID]:
    ids = [event.id for event in read if isinstance(event, Event)]
    return set(session.scalars(select(LoggedEvent.id).where(LoggedEvent.id.in_(ids)))) if ids else set()


def _record(session: Session, event: Event, name: str, row: int) -> None:
    """Raises `Conflict` when somebody else has recorded the event since this transaction began."""
    try:
        record(session, event, spool=name, spool_row=row)
    except IntegrityError as error:
        raise conflict() from error


def _as_bytes(data: object) -> bytes:
    """Damage may also change the type of what SQLite finds."""
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")


def _as_uuid(event_id: object) -> UUID | None:
    """None for an id that damage has touched."""
    return UUID(bytes=event_id) if isinstance(event_id, bytes) and len(event_id) == 16 else None
