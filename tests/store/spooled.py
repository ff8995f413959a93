"""What the feed's tests share: a written spool, a projection that notes what it sees, and ways to look."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.cases import Citizen
from models.event import Event, happened
from models.log import LoggedEvent
from models.store.engine import Store
from models.store.spool import Spool


def spooled(path: Path, events: list[Event], node: str = "n1") -> Path:
    spool = Spool(path, node)
    spool.start()
    for event in events:
        spool.put(event)
    assert spool.stop()
    return path


def notes(session: Session, event: Event) -> None:
    """A projection that repeats are seen in: it writes down every event it is given."""
    citizen = session.get(Citizen, event.stream)
    if citizen is None:
        session.add(citizen := Citizen(phone=event.stream, marks={"seen": []}))
    citizen.marks = {"seen": [*citizen.marks["seen"], str(event.id)]}


def seen(store: Store, stream: str = "call:1") -> list[str]:
    with store.reading() as session:
        citizen = session.get(Citizen, stream)
        return [] if citizen is None else list(citizen.marks["seen"])


def logged(store: Store) -> list[str]:
    with store.reading() as session:
        return [
            str(event_id) for event_id in session.scalars(select(LoggedEvent.id).order_by(LoggedEvent.seq))
        ]


def keys(number: int, kind: str = "CallKey") -> list[Event]:
    return [happened("n1", "call:1", kind, digit=str(index)) for index in range(number)]


def ids(events: list[Event]) -> list[str]:
    return [str(event.id) for event in events]
