"""What was said: one transcript for each finished call, read in a process of its own, and a suggestion for its case.

The citizen's words come from the call's recording, each operator's from their own leg's (the call's second channel
also holds prompts), moved to the call's time. A crash of the reader costs a try; after three a person must listen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from config.city.model import City
from config.errors import Trouble
from config.settings import Settings
from ivr.work import reading, suggesting
from models import kinds
from models.calls import Segment, Transcript
from models.event import happened, now
from models.store.bus import Bell
from models.store.engine import Store
from models.store.log import record
from models.store.retry import retrying
from models.words import TranscriptState
from speech import models
from speech.api import Result, Spoken, Track
from speech.reader import Reader, ReaderDied, ReaderFailed

log = structlog.get_logger()

TRIES = 3
_FIRST_PAUSE = 20.0  # s before the second try; the third waits four times as long
_MODEL_PAUSE = 60.0  # s between looks for a model that is not there
_SHORTEST = 0.5  # s of sound: below this nothing can be said


@dataclass(frozen=True)
class Due:
    """A transcript to make now. `seconds` of sound in all tracks."""

    transcript: UUID
    call: str
    tries: int
    tracks: list[Track]
    seconds: float


class Transcribing:
    """A step makes one transcript, or notes that it could not be made."""

    def __init__(
        self,
        settings: Settings,
        city: City,
        store: Store,
        bell: Bell,
        stopping: Callable[[], bool],
        *,
        model: Callable[[], Path] | None = None,
        program: list[str] | None = None,
    ) -> None:
        """`model` gives the model's folder or raises `Trouble`; default: the settings' one from the model store.

        `program`: another reading process with the same manners (see `speech.reader`).
        """
        self._settings = settings
        self._city = city
        self._store = store
        self._bell = bell
        self._stopping = stopping
        self._model = model or (lambda: models.verify(settings.speech.model, settings.cache))
        self._program = program
        self._reader: Reader | None = None
        self._model_at = 0.0  # monotonic: not looked for before

    def step(self) -> bool:
        """Whether there may be more to do at once."""
        retrying(self._store, lambda session: reading.enlist(session, now()))
        with self._store.reading() as session:
            due = self._due(session, now())
        if due is None or self._stopping():
            return False
        if due.seconds < _SHORTEST:
            self._keep(due, Result(id=due.call))
            return True
        reader = self._ready()
        if reader is None:
            return False
        try:
            made = reader.read(reader.job(due.call, due.tracks), within=reading.patience(due.seconds))
        except (ReaderDied, ReaderFailed) as trouble:
            if not self._stopping():
                self._failed(due, trouble)
            return not self._stopping()
        self._keep(due, made)
        return True

    def close(self) -> None:
        """Ends a reading under way; it is done again at the next start, and is not counted as a try."""
        if self._reader is not None:
            self._reader.close()

    def _due(self, session: Session, at: datetime) -> Due | None:
        row = reading.next_due(session, at)
        if row is None:
            return None
        tracks, seconds = reading.tracks(session, row.call_id, self._settings.sealed, _SHORTEST)
        return Due(row.id, row.call_id, row.tries, tracks, seconds)

    def _ready(self) -> Reader | None:
        """The reader, once the model is there and whole; a missing one is looked for again later."""
        if self._reader is None:
            if time.monotonic() < self._model_at:
                return None
            try:
                folder = self._model()
            except Trouble as trouble:
                self._model_at = time.monotonic() + _MODEL_PAUSE
                log.warning("no_model", model=self._settings.speech.model, why=str(trouble))
                return None
            self._reader = Reader(folder, self._program)
        return self._reader

    def _keep(self, due: Due, made: Result) -> None:
        case = retrying(self._store, lambda session: self._enter(session, due, made))
        self._bell.ring("calls", due.call)
        if case is not None:
            self._bell.ring("cases", case)
        log.info("transcribed", call=due.call, segments=len(made.segments), seconds=round(due.seconds, 1))

    def _enter(self, session: Session, due: Due, made: Result) -> str | None:
        """Transcript, suggestion and their events together: neither is forgotten by a crash between them.

        Returns the case that got a suggestion.
        """
        row = session.get(Transcript, due.transcript)
        if row is None or row.state == TranscriptState.DONE:
            return None
        at = now()
        row.state, row.why, row.next_try_at = TranscriptState.DONE, "", None
        row.tries, row.made_at = due.tries + 1, at
        row.engine, row.model = made.engine, made.model
        row.segments = [_segment(spoken) for spoken in made.segments]
        session.flush()
        record(
            session,
            happened(
                self._settings.node,
                f"call:{due.call}",
                kinds.TRANSCRIBED,
                at=at,
                transcript=str(row.id),
                engine=made.engine,
                model=made.model,
                segments=len(made.segments),
            ),
        )
        return suggesting.suggest_for(session, self._city, due.call, made.segments, now=at)

    def _failed(self, due: Due, trouble: Trouble) -> None:
        tries = due.tries + 1
        log.warning("transcript_failed", call=due.call, tries=tries, why=str(trouble))
        retrying(self._store, lambda session: self._note_failure(session, due, tries, str(trouble)))
        self._bell.ring("calls", due.call)

    def _note_failure(self, session: Session, due: Due, tries: int, why: str) -> None:
        row = session.get(Transcript, due.transcript)
        if row is None or row.state != TranscriptState.WAITING:
            return
        at = now()
        row.tries, row.why = tries, why[:500]
        if tries < TRIES:
            row.next_try_at = at + timedelta(seconds=_FIRST_PAUSE * 4 ** (tries - 1))
            return
        row.state, row.next_try_at = TranscriptState.FAILED, None
        body = {"transcript": str(row.id), "why": why[:500], "attempts": tries}
        record(
            session,
            happened(self._settings.node, f"call:{due.call}", kinds.TRANSCRIPT_FAILED, at=at, **body),
        )


def _segment(spoken: Spoken) -> Segment:
    return Segment(
        channel=spoken.channel,
        start=spoken.start,
        end=spoken.end,
        text=spoken.text,
        raw=spoken.raw,
        uncertain=spoken.uncertain,
        words=[
            {"start": word.start, "end": word.end, "text": word.text, "confidence": word.confidence}
            for word in spoken.words
        ],
    )
