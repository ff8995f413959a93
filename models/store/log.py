"""Writing and reading the duty log."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.event import Event
from models.log import LoggedEvent


def record(session: Session, event: Event, *, spool: str | None = None, spool_row: int | None = None) -> None:
    """Appends an event in the session's transaction (with its noun: both or neither).

    Raises `IntegrityError` for an event that is already there.
    """
    session.add(
        LoggedEvent(
            id=event.id,
            at=event.at,
            node=event.node,
            stream=event.stream,
            kind=event.kind,
            body=event.body,
            spool=spool,
            spool_row=spool_row,
        )
    )
    session.flush()


def events(session: Session, stream: str) -> list[Event]:
    """The events of a stream, in the order they happened; at the same microsecond, as they arrived."""
    rows = session.scalars(
        select(LoggedEvent).where(LoggedEvent.stream == stream).order_by(LoggedEvent.at, LoggedEvent.seq)
    )
    return [
        Event(id=row.id, at=row.at, node=row.node, stream=row.stream, kind=row.kind, body=row.body)
        for row in rows
    ]
