"""A case with all that hangs on it, as `minsheng case show` gives it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from cases.change import stream
from ivr.cli import show
from models.cases import Case
from models.store.log import events


def describe(session: Session, row: Case) -> dict[str, Any]:
    """A case with its assignments, callbacks and history, as plain values."""
    return {
        "case": show.columns(row),
        "assignments": [show.columns(item) for item in row.assignments],
        "callbacks": [
            show.columns(item) | {"attempts": [show.columns(attempt) for attempt in item.attempts]}
            for item in row.callbacks
        ],
        "history": [
            {"at": event.at, "kind": event.kind, "body": event.body}
            for event in events(session, stream(row.number))
        ],
    }
