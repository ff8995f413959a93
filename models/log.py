"""The event table (it *is* the duty log) and the cursors and refusals of its feeding."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class LoggedEvent(Base):
    __tablename__ = "event"
    __table_args__ = (Index("ix_event_stream_at", "stream", "at"), UniqueConstraint("node", "spool_row"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    node: Mapped[str]
    stream: Mapped[str]
    kind: Mapped[str] = mapped_column(index=True)
    body: Mapped[dict[str, Any]]
    spool_row: Mapped[int | None]  # row in the node's spool; null for what was written here directly


class RefusedEvent(Base):
    """An event of a call that could not be applied: kept whole, with an alarm; never lost."""

    __tablename__ = "refused_event"

    node: Mapped[str] = mapped_column(primary_key=True)
    spool_row: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[str]  # as spooled, decoded as far as it goes
    why: Mapped[str]
    at: Mapped[datetime]


class SpoolCursor(Base):
    __tablename__ = "spool_cursor"

    node: Mapped[str] = mapped_column(primary_key=True)
    row: Mapped[int]  # the last spool row applied
