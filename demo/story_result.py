"""How the demo ended: the JSON of `--json`, and whether it is what the options asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.states import STATES
from config.language import _
from demo.people import Answer
from models import kinds
from models.calls import Call, Recording, Segment, Transcript
from models.cases import Callback, Case
from models.labels import disposition
from models.log import LoggedEvent
from models.words import CaseState, Disposition, RecordingKind


@dataclass(frozen=True)
class Options:
    """What the user of the demo chose. `audio`: what the citizen says instead of the shipped words."""

    audio: Path | None = None
    operator: Literal["answer", "none"] = "answer"
    answer: Answer = "solved"
    language: str | None = None


@dataclass
class Result:
    """`result` is the object of `minsheng demo --json`; `why`: where the story left its options, empty if nowhere."""

    call: dict[str, Any] = field(default_factory=dict)
    recording: dict[str, Any] = field(default_factory=dict)
    transcript: list[dict[str, Any]] = field(default_factory=list)
    case: dict[str, Any] = field(default_factory=dict)
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    why: str = ""

    @property
    def result(self) -> dict[str, Any]:
        """The one object of `--json`."""
        return {name: value for name, value in asdict(self).items() if name != "why"}

    @property
    def as_asked(self) -> bool:
        return not self.why


def gather(session: Session, call_id: str, sealed: Path) -> Result:
    """All that the store holds of one call."""
    result = Result()
    call = session.get(Call, call_id)
    if call is None:
        return result
    names = ("id", "number", "answered_ms", "seconds", "disposition", "operator")
    result.call = {name: getattr(call, name) for name in names}
    wanted = select(Recording).filter_by(call_id=call_id, kind=RecordingKind.CALL.value)
    if recording := session.scalars(wanted).first():
        result.recording = {
            "path": str(sealed / recording.path),
            "seconds": recording.seconds,
            "channels": recording.channels,
            "sha256": recording.file_sha256,
        }
    result.transcript = [
        {
            "channel": segment.channel,
            "start": segment.start,
            "end": segment.end,
            "text": segment.text,
            "uncertain": segment.uncertain,
        }
        for segment in segments(session, call_id)
    ]
    if case := session.get(Case, call.case_number or ""):
        shown = ("number", "code", "state", "unit", "owner")
        result.case = {name: getattr(case, name) for name in shown}
        result.case["history"] = history(session, case.number)
        result.callbacks = [_callback(item) for item in case.callbacks]
    return result


def segments(session: Session, call_id: str) -> list[Segment]:
    query = select(Segment).join(Transcript).where(Transcript.call_id == call_id).order_by(Segment.start)
    return list(session.scalars(query))


def history(session: Session, number: str) -> list[dict[str, Any]]:
    """The events of a case, as the duty log holds them."""
    query = select(LoggedEvent).where(LoggedEvent.stream == f"case:{number}").order_by(LoggedEvent.at)
    return [{"at": _iso(event.at), "event": event.kind, **event.body} for event in session.scalars(query)]


def _callback(row: Callback) -> dict[str, Any]:
    return {
        "attempts": len(row.attempts),
        # a round that settled nothing still ended somehow
        "disposition": row.disposition or (row.attempts[-1].outcome if row.attempts else None),
        "contacted": row.contacted,
        "solved": row.solved,
        "satisfied": row.satisfied,
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def judge(result: Result, options: Options, *, speechless: bool, attempts: int) -> str:
    """Where the story left its options, as a sentence; empty when it did not."""
    wanted = Disposition.ANSWERED
    if options.operator == "none":
        wanted = Disposition.SILENT if speechless else Disposition.INTAKE
    if result.call.get("disposition") != wanted:
        return _(
            "来电的结果是“{found}”，应为“{wanted}”",
            found=disposition(result.call.get("disposition")),
            wanted=disposition(wanted),
        )
    if not result.recording:
        return _("来电没有录音")
    if any(item["channel"] == "citizen" for item in result.transcript) is speechless:
        return _("转写里有市民没说过的话") if speechless else _("转写里没有市民的话")
    if wanted is Disposition.SILENT:
        return ""
    return _judge_case(result, options.answer, attempts)


def _judge_case(result: Result, answer: Answer, attempts: int) -> str:
    state = {"solved": CaseState.CLOSED, "unsolved": CaseState.REOPENED}.get(answer, CaseState.RESOLVED)
    if result.case.get("state") != state:
        found = result.case.get("state")
        named = STATES[CaseState(found)].label if found else _("没有立案")
        return _("工单的状态是“{found}”，应为“{wanted}”", found=named, wanted=STATES[state].label)
    last = result.callbacks[-1] if result.callbacks else {}
    if answer in ("solved", "unsolved"):
        expected: bool | None = answer == "solved"
        if last.get("solved") is not expected:
            return _("回访没有得到市民按的答复")
    elif last.get("attempts") != attempts:
        return _("回访拨打了 {found} 次，应为 {wanted} 次", found=last.get("attempts", 0), wanted=attempts)
    if answer == "unsolved" and not any(
        step["event"] == kinds.CASE_STEP and step.get("supervised") for step in result.case["history"]
    ):
        return _("没有解决的工单应当督办")
    return ""
