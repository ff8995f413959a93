"""Sealing: a finished raw file becomes a FLAC with hashes, a row and an event; then the raw file goes.

Each step may be cut off by a crash and is repeated at the next start: the FLAC is written beside and renamed,
row and event are one transaction under ids that follow from the channel, what is sealed is only tidied up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from uuid import UUID, uuid5

import soundfile
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import ids, kinds
from models.calls import Recording
from models.event import NAMESPACE, Event, now
from models.log import LoggedEvent
from models.store.engine import Store
from models.store.log import record
from models.store.retry import retrying
from models.words import RecordingKind
from recordings import flac
from recordings.held import open_files
from recordings.project import recorder_at

log = structlog.get_logger()

_LONGEST_WAIT = 60.0  # s between tries of a file that cannot be sealed
_ORPHAN_AFTER = 60.0  # s without a write, and nobody has the file open: its recorder died


class Lost(Exception):
    """Neither the raw file nor a sealed one is there."""


def recording_id(channel: str) -> UUID:
    return uuid5(NAMESPACE, f"recording {channel}")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed file that is not yet in the store. `path` is below the sealed folder."""

    channel: str
    call: str
    path: str
    began: datetime  # by the clock of the file: its last write minus its length
    what: flac.Encoded
    closed: bool  # by the recorder itself


@dataclass
class Sealer:
    """Seals what the recorder has closed. One thread calls it; `zone` gives the day of the folders."""

    store: Store
    raw: Path
    sealed: Path
    node: str
    zone: tzinfo = UTC
    clock: Callable[[], float] = time.monotonic
    call_of: Callable[[str], str] = ids.call_of  # the call a channel belongs to
    _written: dict[str, Sealed] = field(default_factory=dict)  # an absent store costs no second encoding
    _failed: dict[str, tuple[int, float]] = field(default_factory=dict)  # channel: tries, not before

    def closed(self) -> list[str]:
        """Channels whose recorder has closed its file, oldest first."""
        return [path.stem for path in sorted(self.raw.glob("*.done"), key=_age)]

    def step(self) -> list[str]:
        """Seals everything that is closed; returns the channels sealed now.

        A file that cannot be sealed is kept, told once as an event, and tried again later. Raises what the
        store raises when it is away: nothing is lost, call again.
        """
        return [name for name in self.closed() if self._due(name) and self._try(name, closed=True)]

    def orphans(self) -> list[str]:
        """Seals raw files whose recorder died without closing them (Asterisk killed): as far as they go."""
        lost = [path for path in self.raw.glob("*.raw") if not path.with_suffix(".done").exists()]
        quiet = [path for path in lost if time.time() - _age(path) > _ORPHAN_AFTER]
        held = open_files() if quiet else set()
        return [
            path.stem
            for path in quiet
            if path.resolve() not in held and self._due(path.stem) and self._try(path.stem, closed=False)
        ]

    def seal(self, channel: str, *, closed: bool = True) -> UUID:
        """One channel, whatever was already done of it.

        Raises `OSError`, `LibsndfileError` or `NotTheSame` when the raw file could not be sealed (it stays),
        `Lost` when there is nothing left to seal, and what the store raises.
        """
        raw, done = self.raw / f"{channel}.raw", self.raw / f"{channel}.done"
        name = recording_id(channel)
        with self.store.reading() as session:
            known = session.get(Recording, name)
            kept = (known.path, known.file_sha256) if known else None
        if kept is None or not self._stands(*kept, raw):
            made = self._written.get(channel) or self._encode(channel, raw, closed)
            self._written[channel] = made
            retrying(self.store, lambda session: _enter(session, self.node, made))
        self._written.pop(channel, None)
        raw.unlink(missing_ok=True)
        done.unlink(missing_ok=True)
        return name

    def _stands(self, path: str, digest: str, raw: Path) -> bool:
        """Whether the sealed file is there as entered. If not, and the raw file is, it is made again."""
        sealed = self.sealed / path
        if sealed.exists() and flac.file_sha256(sealed) == digest:
            return True
        if not raw.exists():
            raise Lost(path)
        return False

    def _encode(self, channel: str, raw: Path, closed: bool) -> Sealed:
        if not raw.exists():
            raise Lost(raw.name)
        wrote = datetime.fromtimestamp(raw.stat().st_mtime, UTC)
        day = (ids.made_at(channel) or wrote).astimezone(self.zone)
        path = f"{day:%Y/%m/%d}/{channel}.flac"
        what = flac.encode(raw, self.sealed / path)
        if what.odd_bytes:
            log.warning("recording_cut_to_whole_frames", channel=channel, odd_bytes=what.odd_bytes)
        return Sealed(
            channel, self.call_of(channel), path, wrote - timedelta(seconds=what.seconds), what, closed
        )

    def _due(self, channel: str) -> bool:
        return self.clock() >= self._failed.get(channel, (0, 0.0))[1]

    def _try(self, channel: str, *, closed: bool) -> bool:
        try:
            self.seal(channel, closed=closed)
        except Lost:
            log.error("recording_lost", channel=channel)
            self._tell(channel, "lost")
            (self.raw / f"{channel}.done").unlink(missing_ok=True)  # the event says it
            return False
        except (OSError, soundfile.LibsndfileError, flac.NotTheSame, SQLAlchemyError) as error:
            tries = self._failed.get(channel, (0, 0.0))[0] + 1
            self._failed[channel] = tries, self.clock() + min(2.0**tries, _LONGEST_WAIT)
            log.error("recording_not_sealed", channel=channel, tries=tries, error=type(error).__name__)
            self._tell(channel, f"seal:{type(error).__name__}")
            return False
        self._failed.pop(channel, None)
        log.info("recording_sealed", channel=channel)
        return True

    def _tell(self, channel: str, why: str) -> None:
        call = self.call_of(channel)
        retrying(self.store, lambda session: tell_failure(session, self.node, call, channel, why))


def tell_failure(session: Session, node: str, call: str, channel: str, why: str, **more: float) -> bool:
    """The event of a recording gone wrong, once for each reason; False when it was told before."""
    return _once(
        session,
        Event(
            id=uuid5(NAMESPACE, f"{channel} {kinds.RECORDING_FAILED} {why} {more or ''}"),
            at=now(),
            node=node,
            stream=f"call:{call}",
            kind=kinds.RECORDING_FAILED,
            body={"channel": channel, "why": why, **more},
        ),
    )


def _enter(session: Session, node: str, made: Sealed) -> None:
    """Row and event, together; entered again it changes nothing."""
    name, call, what, at = recording_id(made.channel), made.call, made.what, now()
    row = session.get(Recording, name)
    if row is not None and row.file_sha256 == what.file_sha256:
        return
    began = _told_start(session, call, made.channel) or made.began
    if row is None:
        row = Recording(id=name, channel=made.channel, call_id=call, retention="ordinary", hold=False)
        session.add(row)
    row.kind = RecordingKind.CALL if made.channel == call else RecordingKind.LEG
    row.path, row.codec, row.rate, row.channels = made.path, "flac", flac.RATE, flac.CHANNELS
    row.seconds, row.bytes = what.seconds, what.bytes
    row.pcm_sha256, row.file_sha256 = what.pcm_sha256, what.file_sha256
    row.starts_at, row.sealed_at = began, at
    body = {
        "recording": str(name),
        "channel": made.channel,
        "path": made.path,
        "seconds": what.seconds,
        "pcm_sha256": what.pcm_sha256,
        "file_sha256": what.file_sha256,
        "odd_bytes": what.odd_bytes,
        "closed": made.closed,
    }
    again = uuid5(NAMESPACE, f"{made.channel} {kinds.RECORDING_SEALED} {what.file_sha256}")
    _once(
        session,
        Event(id=again, at=at, node=node, stream=f"call:{call}", kind=kinds.RECORDING_SEALED, body=body),
    )


def _once(session: Session, event: Event) -> bool:
    if session.scalar(select(LoggedEvent.seq).where(LoggedEvent.id == event.id)) is not None:
        return False
    record(session, event)
    return True


def _told_start(session: Session, call: str, channel: str) -> datetime | None:
    """The recorder's start as the line passed it on; a file's own clock lags by each gap without frames."""
    told = session.scalars(
        select(LoggedEvent)
        .where(
            LoggedEvent.stream == f"call:{call}",
            LoggedEvent.kind.in_((kinds.CALL_START, kinds.CALL_ANSWERED, kinds.LEG_START, kinds.LEG_ANSWER)),
        )
        .order_by(LoggedEvent.at)
    )
    found: datetime | None = None
    for event in told:
        whose = event.body.get("leg") if event.kind in (kinds.LEG_START, kinds.LEG_ANSWER) else call
        if whose == channel:
            found = recorder_at(event.body) or found
    return found


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
