"""The event table (it *is* the duty log) and the cursors and refusals of its feeding."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class LoggedEvent(Base):
    """One event. `seq` is the order of arrival here; positions in the chain are the node's sealer's."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_stream_at", "stream", "at"),
        Index("ix_event_kind_at", "kind", "at"),
        {"sqlite_autoincrement": True},  # a number is never used again
    )

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    at: Mapped[datetime] = mapped_column(index=True)
    node: Mapped[str]
    stream: Mapped[str]
    kind: Mapped[str]
    # Plain JSON, on PostgreSQL too: it keeps the text as it was written (the ledger hashes it), and any text.
    body: Mapped[dict[str, Any]] = mapped_column(JSON())
    spool: Mapped[str | None]  # which spool of the node it came by; null for what was written here directly
    spool_row: Mapped[int | None] = mapped_column(BigInteger())


class RefusedEvent(Base):
    """An event of a call that could not be applied: kept whole, with an alarm; never lost."""

    __tablename__ = "refused_event"

    node: Mapped[str] = mapped_column(primary_key=True)
    spool: Mapped[str] = mapped_column(primary_key=True)
    spool_row: Mapped[int] = mapped_column(BigInteger(), primary_key=True, autoincrement=False)
    data: Mapped[bytes]  # as spooled
    why: Mapped[str]
    at: Mapped[datetime]


class SpoolCursor(Base):
    """How far a spool was applied. A node has a new spool when its old one was damaged."""

    __tablename__ = "spool_cursor"

    node: Mapped[str] = mapped_column(primary_key=True)
    spool: Mapped[str] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column("last_row", BigInteger())
    last: Mapped[UUID | None]  # the event of that row: shows when an older copy of the spool was put back
