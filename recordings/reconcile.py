"""“Calls N, recorded N, missing 0” (DESIGN 5): Asterisk's own list against the calls and the sound in the store.

N are the calls Asterisk saw coming in, and ours that were answered. Each needs its row, the citizen's recording
(sealed, or a raw file that is not sealed yet), and a recording of each leg that spoke with the citizen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.language import _
from models import kinds
from models.calls import Call, Leg, Recording
from models.log import LoggedEvent
from recordings import lengths
from recordings.cel import Seen

GRACE = 10.0  # s that a call's first event may take from the line to the store


class Why(StrEnum):
    NO_ROW = "no_row"  # the store knows nothing of the call
    NO_SOUND = "no_sound"  # neither sealed nor raw
    FILE_GONE = "file_gone"  # catalogued, but the sealed file is not there
    FILE_CHANGED = "file_changed"  # its size is not the catalogued one
    LEG_NO_SOUND = "leg_no_sound"  # the operator's own recording is missing


@dataclass(frozen=True, slots=True)
class Missing:
    """A call that is not whole, and why; `channel` names the sound that is missing."""

    call: str
    channel: str
    why: Why

    @property
    def sentence(self) -> str:
        text = {
            Why.NO_ROW: _("通话 {call}：数据库里没有它的记录"),
            Why.NO_SOUND: _("通话 {call}：没有录音"),
            Why.FILE_GONE: _("通话 {call}：封存的录音文件 {channel} 不见了"),
            Why.FILE_CHANGED: _("通话 {call}：封存的录音文件 {channel} 被改动过"),
            Why.LEG_NO_SOUND: _("通话 {call}：坐席一侧 {channel} 没有录音"),
        }[self.why]
        return text.format(call=self.call, channel=self.channel)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`missing`: one entry a call, the first thing wrong with it. `doubtful`: recordings shorter or longer than
    their call, by call. `damaged`: unreadable lines of Asterisk's list."""

    calls: int
    missing: tuple[Missing, ...]
    doubtful: Mapping[str, lengths.Length]
    damaged: int = 0

    @property
    def recorded(self) -> int:
        return self.calls - len(self.missing)

    @property
    def sentence(self) -> str:
        return _(
            "通话 {calls}，已录 {recorded}，缺 {missing}",
            calls=self.calls,
            recorded=self.recorded,
            missing=len(self.missing),
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store holds of the calls in question."""

    calls: Mapping[str, Call]
    spoke: Mapping[str, Sequence[Leg]]  # by call
    recordings: Mapping[str, Recording]  # by channel
    gaps: Mapping[str, float]  # by call, s


def reconcile(
    session: Session, seen: Iterable[Seen], *, raw: Path, sealed: Path, now: datetime, damaged: int = 0
) -> Reconciled:
    """Compares `seen` (see `recordings.cel`) with the store and the two folders of sound."""
    calls = list(seen)
    known = _load(session, [each.call for each in calls])
    settled = [each for each in calls if each.call in known.calls or now - each.at > timedelta(seconds=GRACE)]
    missing = [wrong for each in settled if (wrong := _wrong(each.call, known, raw, sealed))]
    doubtful = {name: length for name in known.calls if (length := _length(name, known))}
    return Reconciled(len(settled), tuple(missing), doubtful, damaged)


def _wrong(call: str, known: _Known, raw: Path, sealed: Path) -> Missing | None:
    if call not in known.calls:
        return Missing(call, call, Why.NO_ROW)
    channels = [(call, Why.NO_SOUND), *((leg.id, Why.LEG_NO_SOUND) for leg in known.spoke.get(call, ()))]
    for channel, absent in channels:
        row = known.recordings.get(channel)
        if row is None:
            if not (raw / f"{channel}.raw").exists():
                return Missing(call, channel, absent)
            continue
        try:
            size = (sealed / row.path).stat().st_size
        except FileNotFoundError:
            return Missing(call, channel, Why.FILE_GONE)
        if size != row.bytes:
            return Missing(call, channel, Why.FILE_CHANGED)
    return None


def _length(name: str, known: _Known) -> lengths.Length | None:
    """How a sealed recording of an ended call compares with it; None when it is right or cannot be said yet."""
    call, recording = known.calls[name], known.recordings.get(name)
    if recording is None or call.seconds is None:
        return None
    ringing = (call.answered_ms or 0) / 1000
    verdict = lengths.judge(call.seconds, recording.seconds, ringing=ringing, gaps=known.gaps.get(name, 0.0))
    return None if verdict is lengths.Length.RIGHT else verdict


def _load(session: Session, names: list[str]) -> _Known:
    calls: dict[str, Call] = {}
    spoke: dict[str, list[Leg]] = {}
    recordings: dict[str, Recording] = {}
    gaps: dict[str, float] = {}
    for part in _parts(names):
        calls.update((row.id, row) for row in session.scalars(select(Call).where(Call.id.in_(part))))
        for leg in session.scalars(select(Leg).where(Leg.call_id.in_(part), Leg.joined_at.is_not(None))):
            spoke.setdefault(leg.call_id, []).append(leg)
        rows = session.scalars(select(Recording).where(Recording.call_id.in_(part)))
        recordings.update((row.channel, row) for row in rows)
        streams = {f"call:{name}": name for name in part}
        failures = select(LoggedEvent.stream, LoggedEvent.body).where(
            LoggedEvent.stream.in_(streams), LoggedEvent.kind == kinds.RECORDING_FAILED
        )
        for stream, body in session.execute(failures):
            name = streams[stream]
            gaps[name] = gaps.get(name, 0.0) + _gap(body, name)
    return _Known(calls, spoke, recordings, gaps)


def _gap(body: Mapping[str, Any], channel: str) -> float:
    gap = body.get("gap")
    return float(gap) if body.get("channel") == channel and isinstance(gap, int | float) else 0.0


def _parts(names: list[str], size: int = 500) -> Iterable[list[str]]:
    """SQLite takes a limited number of values in one query."""
    return (names[start : start + size] for start in range(0, len(names), size))
