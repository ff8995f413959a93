"""The catalogue of sealed sound: list, show, find, where a file lies, and the trace a hearing leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from config.errors import NotFound
from config.language import _
from models import kinds
from models.calls import Call, Recording, Segment, Transcript
from models.event import happened
from models.store.log import record
from models.words import RecordingKind


def calls(
    session: Session,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    number: str | None = None,
    disposition: str | None = None,
    case: str | None = None,
    limit: int = 50,
) -> Sequence[Call]:
    """Calls, the newest first, with their recordings loaded. `number` matches its end (…1234)."""
    query = select(Call).options(selectinload(Call.recordings)).order_by(Call.started_at.desc(), Call.id)
    if since is not None:
        query = query.where(Call.started_at >= since)
    if until is not None:
        query = query.where(Call.started_at < until)
    if number:
        query = query.where(Call.number.endswith(number, autoescape=True))
    if disposition:
        query = query.where(Call.disposition == disposition)
    if case:
        query = query.where(Call.case_number == case)
    return session.scalars(query.limit(limit)).all()


def call(session: Session, name: str) -> Call:
    """One call with its legs and recordings. Raises `NotFound`."""
    query = select(Call).where(Call.id == name)
    found = session.scalars(
        query.options(selectinload(Call.legs), selectinload(Call.recordings))
    ).one_or_none()
    if found is None:
        raise NotFound(_("没有这个通话：{call}", call=name))
    return found


def recordings(session: Session, call_id: str) -> Sequence[Recording]:
    """The sound of a call: the citizen's channel first, then the operators' legs by time."""
    rows = session.scalars(
        select(Recording).where(Recording.call_id == call_id).order_by(Recording.starts_at, Recording.channel)
    )
    return sorted(rows, key=lambda row: row.kind != RecordingKind.CALL)


def recording(session: Session, name: UUID | str) -> Recording:
    """One recording, by its id or its channel's. Raises `NotFound`."""
    if isinstance(name, UUID):
        found = session.get(Recording, name)
    else:
        found = session.scalars(select(Recording).where(Recording.channel == name)).one_or_none()
    if found is None:
        raise NotFound(_("没有这个录音：{recording}", recording=name))
    return found


def transcript(session: Session, call_id: str) -> Transcript | None:
    """The call's latest reading with its segments; None before the first."""
    return session.scalars(
        select(Transcript)
        .options(selectinload(Transcript.segments))
        .where(Transcript.call_id == call_id)
        .order_by(Transcript.made_at.desc().nulls_last(), Transcript.id)
        .limit(1)
    ).one_or_none()


def said(session: Session, words: str, *, limit: int = 50) -> Sequence[Segment]:
    """Segments whose text contains `words`, the newest transcript first. The caller records the search."""
    return session.scalars(
        select(Segment)
        .join(Transcript, Transcript.id == Segment.transcript_id)
        .where(Segment.text.contains(words, autoescape=True))
        .order_by(Transcript.made_at.desc(), Segment.start)
        .limit(limit)
    ).all()


def path_of(sealed: Path, row: Recording) -> Path:
    """Where the sealed file lies. Raises `NotFound` when it is no longer there."""
    path = sealed / row.path
    if not path.is_file():
        raise NotFound(_("录音文件不见了：{path}", path=row.path))
    return path


def replayed(session: Session, who: str, row: Recording, *, node: str) -> None:
    """Hearing a recording leaves a trace in the duty log (in the caller's transaction)."""
    record(
        session,
        happened(node, f"call:{row.call_id}", kinds.REPLAYED, who=who, recording=str(row.id)),
    )
