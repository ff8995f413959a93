"""One thing that happened: the unit of the spool, the store and the duty log (DESIGN 5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import msgspec

NAMESPACE = UUID("5f1d0c3e-6a0e-4c3a-9a53-1b0a6d3a1100")

Json = Any  # what msgspec.json writes and reads: dict, list, str, int, float, bool, None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """`stream` is what it is about (`call:<id>`, `case:<number>`, `seat:<name>`, `attempt:<id>`, `line:<node>`);
    `kind` is one of `models.kinds`; `body` holds strings, numbers and booleans, times as ISO 8601 UTC.
    """

    id: UUID
    at: datetime  # aware, UTC
    node: str
    stream: str
    kind: str
    body: dict[str, Json] = {}

    def encode(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Event:
        """Raises `msgspec.DecodeError` on damage."""
        return msgspec.json.decode(data, type=cls)


def now() -> datetime:
    return datetime.now(UTC)


def happened(node: str, stream: str, kind: str, /, *, at: datetime | None = None, **body: Json) -> Event:
    """A new event, its id chosen here."""
    return Event(id=uuid4(), at=at or now(), node=node, stream=stream, kind=kind, body=body)


def found(node: str, stream: str, kind: str, number: int, /, *, at: datetime, **body: Json) -> Event:
    """An event that may be found more than once (CDR, CEL, an attempt's dialling): the same id each time."""
    return Event(
        id=uuid5(NAMESPACE, f"{stream} {kind} {number}"),
        at=at,
        node=node,
        stream=stream,
        kind=kind,
        body=body,
    )
