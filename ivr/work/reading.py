"""Which calls are to be read, and from which sound: questions to the store, no engine."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased

from models.calls import Call, Leg, Recording, Transcript
from models.event import NAMESPACE
from models.words import RecordingKind, TranscriptState
from speech.api import Track

_LATE = timedelta(seconds=60)  # after the call's end: then it is read from what is sealed
_AT_ONCE = 50  # calls enlisted in one transaction


def transcript_id(call: str) -> UUID:
    return uuid5(NAMESPACE, f"transcript {call}")


def enlist(session: Session, at: datetime) -> int:
    """Makes a waiting transcript for each finished call whose sound is sealed; returns how many."""
    sealed, own, spoken = aliased(Recording), aliased(Recording), aliased(Recording)
    whole = exists().where(own.channel == Call.id) & ~exists().where(
        Leg.call_id == Call.id,
        Leg.joined_at.is_not(None),
        ~exists().where(spoken.channel == Leg.id),
    )
    query = (
        select(Call.id)
        .where(
            Call.ended_at.is_not(None),
            ~exists().where(Transcript.call_id == Call.id),
            exists().where(sealed.call_id == Call.id),
            or_(Call.ended_at < at - _LATE, whole),
        )
        .order_by(Call.ended_at)
        .limit(_AT_ONCE)
    )
    names = session.scalars(query).all()
    for name in names:
        session.add(Transcript(id=transcript_id(name), call_id=name, state=TranscriptState.WAITING, tries=0))
    return len(names)


def next_due(session: Session, at: datetime) -> Transcript | None:
    """The waiting transcript whose turn it is: those never tried before those that failed."""
    return session.scalars(
        select(Transcript)
        .join(Call, Call.id == Transcript.call_id)
        .where(
            Transcript.state == TranscriptState.WAITING,
            or_(Transcript.next_try_at.is_(None), Transcript.next_try_at <= at),
        )
        .order_by(Transcript.tries, Call.ended_at)
        .limit(1)
    ).first()


def tracks(session: Session, call: str, sealed: Path, shortest: float) -> tuple[list[Track], float]:
    """Each person's voice in a call, in the call's time, and the seconds of sound in all.

    Sound shorter than `shortest` seconds, or whose file is gone, is left out.
    """
    rows = session.scalars(
        select(Recording).where(Recording.call_id == call).order_by(Recording.starts_at)
    ).all()
    begins = {row.channel: row.starts_at for row in rows}.get(call) or (rows[0].starts_at if rows else None)
    found: list[Track] = []
    seconds = 0.0
    for row in rows:
        path = sealed / row.path
        if begins is None or row.seconds < shortest or not path.exists():
            continue
        seconds += row.seconds
        who = "operator" if row.kind == RecordingKind.LEG else "citizen"
        shift = (row.starts_at - begins).total_seconds()
        found.append(Track(channel=who, path=str(path), index=0, shift=round(shift, 3)))
    return found, seconds


def patience(seconds: float) -> float:
    """How long the reader may take: loading the model, and three times the sound on a busy machine."""
    return 120.0 + 3.0 * seconds
