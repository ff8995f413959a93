"""Calls, their legs, recordings and transcripts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, one_of
from models.words import TranscriptState


class Call(Base):
    __tablename__ = "call"
    __table_args__ = (
        Index("ix_call_number_started", "number", "started_at"),
        Index(
            "ix_call_live",
            "started_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # linkedid of its first channel
    node: Mapped[str]
    direction: Mapped[str]  # Direction
    number: Mapped[str]  # the citizen's, as shown by the trunk; "" when withheld
    dialled: Mapped[str]
    trunk: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime] = mapped_column(index=True)
    answered_ms: Mapped[int | None]  # INVITE to 200 OK
    talk_at: Mapped[datetime | None]  # a person first spoke with the citizen
    ended_at: Mapped[datetime | None]
    seconds: Mapped[float | None]  # answer to hang-up
    stage: Mapped[str] = mapped_column(default="")
    priority: Mapped[str] = mapped_column(default="ordinary")
    disposition: Mapped[str | None] = mapped_column(index=True)
    ended_by: Mapped[str | None]
    cause: Mapped[int | None]
    operator: Mapped[str | None]  # who took it
    case_number: Mapped[str | None] = mapped_column(index=True)
    notice: Mapped[str] = mapped_column(default="")  # version of the notice that was played

    legs: Mapped[list[Leg]] = relationship(order_by="Leg.started_at", viewonly=True)
    recordings: Mapped[list[Recording]] = relationship(
        primaryjoin="Call.id == foreign(Recording.call_id)", order_by="Recording.starts_at", viewonly=True
    )


class Leg(Base):
    __tablename__ = "leg"

    id: Mapped[str] = mapped_column(primary_key=True)  # channel id, ours: call.leg.attempt
    call_id: Mapped[str] = mapped_column(ForeignKey("call.id"), index=True)
    role: Mapped[str]
    seat: Mapped[str | None]
    started_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    joined_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    how: Mapped[str | None]
    cause: Mapped[int | None]


class Recording(Base):
    """One sealed file. `starts_at` is the time of its first sample."""

    __tablename__ = "recording"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # uuid5 of the channel id
    channel: Mapped[str] = mapped_column(unique=True)
    call_id: Mapped[str] = mapped_column(
        index=True
    )  # no foreign key: a sound may arrive before its call's row
    kind: Mapped[str]  # RecordingKind
    path: Mapped[str]  # below the sealed folder
    codec: Mapped[str]
    rate: Mapped[int]  # Hz
    channels: Mapped[int]
    seconds: Mapped[float]
    starts_at: Mapped[datetime]
    pcm_sha256: Mapped[str]  # of the interleaved little-endian 16-bit samples
    file_sha256: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger())
    retention: Mapped[str] = mapped_column(default="ordinary")
    hold: Mapped[bool] = mapped_column(default=False)
    sealed_at: Mapped[datetime]


class Transcript(Base):
    """One reading of one call by one engine; `segments` in order of time."""

    __tablename__ = "transcript"
    __table_args__ = (
        CheckConstraint(one_of("state", TranscriptState), name="state"),
        Index("ix_transcript_state_next", "state", "next_try_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(index=True)
    state: Mapped[str]  # TranscriptState
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(default="")
    engine: Mapped[str] = mapped_column(default="")
    model: Mapped[str] = mapped_column(default="")
    made_at: Mapped[datetime | None]

    segments: Mapped[list[Segment]] = relationship(order_by="Segment.start", cascade="all, delete-orphan")


class Segment(Base):
    __tablename__ = "segment"
    __table_args__ = (Index("ix_segment_transcript_starts", "transcript_id", "starts"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    transcript_id: Mapped[UUID] = mapped_column(ForeignKey("transcript.id", ondelete="CASCADE"))
    channel: Mapped[str]  # citizen | operator
    # s since the recording's first sample; in SQL `end` is a reserved word
    start: Mapped[float] = mapped_column("starts")
    end: Mapped[float] = mapped_column("ends")
    text: Mapped[str]
    raw: Mapped[str]  # before normalising
    uncertain: Mapped[bool]
    words: Mapped[list[Any]]  # [{start, end, text, confidence}]
