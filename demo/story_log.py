"""The duty log, retold: which of its events a listener to the story wants to hear, and in what words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cases.states import STEPS
from config.language import _
from demo.story_words import Names
from demo.timeline import Who
from models import kinds
from models.labels import disposition, ground, outcome
from models.log import LoggedEvent
from models.words import Disposition

Retold = tuple[Who, str] | None
Body = dict[str, Any]


def retell(names: Names, event: LoggedEvent) -> Retold:
    """Whose event it is and how it is told; None for what would only bore."""
    words = _WORDS.get(event.kind)
    return words(names, event.body) if words else None


def _answered(names: Names, body: Body) -> Retold:
    if "recorder_at" in body:  # a call of ours
        return "line", _("市民接起回访；录音已经开始")
    return "line", _("{ms} 毫秒接通；录音已经开始", ms=body.get("ms"))


def _stage(names: Names, body: Body) -> Retold:
    named = {
        "intake": _("没有人接：自动受理，同时继续振铃"),
        "silence": _("听不到市民说话：按可能遇险处理"),
        "survey:confirm": _("先问是不是本人来过电话，确认之前不提事情"),
        "survey:contacted": _("问：单位和您联系过吗？"),
        "survey:solved": _("问：问题解决了吗？"),
        "survey:satisfied": _("问：您满意吗？"),
    }
    text = named.get(str(body.get("stage")))
    return ("line", text) if text else None


def _talk(names: Names, body: Body) -> Retold:
    return "line", _("接通{operator}，其余话机停铃", operator=names.person(body.get("operator")))


def _clip(names: Names, body: Body) -> Retold:
    named = {"what": _("什么事"), "where": _("什么地方"), "when": _("何时回电")}
    question = named.get(str(body.get("question")), str(body.get("question")))
    return "line", _(
        "录下“{question}”，{seconds:.0f} 秒", question=question, seconds=body.get("seconds", 0.0)
    )


def _call_end(names: Names, body: Body) -> Retold:
    if body.get("disposition") in (Disposition.SURVEYED, Disposition.UNREACHED):
        return None  # the attempt's outcome says more
    found, seconds = disposition(body.get("disposition")), body.get("seconds", 0.0)
    return "line", _("通话结束，{seconds:.1f} 秒：{found}", seconds=seconds, found=found)


def _sealed(names: Names, body: Body) -> Retold:
    digest, seconds = str(body.get("file_sha256", ""))[:12], body.get("seconds", 0.0)
    return "line", _("录音封存，{seconds:.1f} 秒，SHA-256 {digest}…", seconds=seconds, digest=digest)


def _transcribed(names: Names, body: Body) -> Retold:
    return "line", _("转写完成（{engine}，{model}）", engine=body.get("engine"), model=body.get("model"))


def _transcript_failed(names: Names, body: Body) -> Retold:
    return "line", _("转写没有做成：{why}", why=body.get("why"))


def _opened(names: Names, body: Body) -> Retold:
    return "office", _(
        "立案 {number}，市民凭 {code} 查询，由{owner}负责",
        number=body.get("number"),
        code=body.get("code"),
        owner=names.person(body.get("owner")),
    )


def _suggested(names: Names, body: Body) -> Retold:
    return "office", _(
        "推荐：{matter}，交{unit}", matter=names.matter(body.get("matter")), unit=names.unit(body.get("unit"))
    )


def _step(names: Names, body: Body) -> Retold:
    unit = names.unit(body.get("unit"))
    match body.get("step"):
        case "assign":
            by, matter = names.person(body.get("by")), names.matter(body.get("matter"))
            return "office", _("{by}派单给{unit}：{matter}", by=by, unit=unit, matter=matter)
        case "accept":
            return "unit", _("{unit}受理", unit=unit)
        case "resolve":
            return "unit", _("{unit}办结：{result}", unit=unit, result=body.get("result"))
        case "reopen":
            return "office", _("市民说没有解决：重新办理，并督办")
        case "confirm":
            return "office", _("市民确认已经解决")
        case "close":
            return "office", _("归档，依据：{ground}", ground=ground(body.get("ground")))
        case step:
            return "office", STEPS[str(step)].label if step in STEPS else str(step)


def _dialling(names: Names, body: Body) -> Retold:
    return "line", _("给市民回电话")


def _outcome(names: Names, body: Body) -> Retold:
    found = outcome(body.get("outcome"))
    if body.get("contacted") is None and body.get("solved") is None:
        return "line", _("这次回访：{found}", found=found)
    contacted, solved, satisfied = (_said(body.get(name)) for name in ("contacted", "solved", "satisfied"))
    return "line", _(
        "这次回访：{found}；联系过{contacted}，解决{solved}，满意{satisfied}",
        found=found,
        contacted=contacted,
        solved=solved,
        satisfied=satisfied,
    )


def _said(value: object) -> str:
    return "?" if value is None else "✓" if value else "✗"


def _exhausted(names: Names, body: Body) -> Retold:
    return "office", _("回访次数用尽：转由人处理，不会自动归档")


_WORDS: dict[str, Callable[[Names, Body], Retold]] = {
    kinds.CALL_ANSWERED: _answered,
    kinds.CALL_STAGE: _stage,
    kinds.CALL_TALK: _talk,
    kinds.CLIP: _clip,
    kinds.CALL_END: _call_end,
    kinds.RECORDING_SEALED: _sealed,
    kinds.TRANSCRIBED: _transcribed,
    kinds.TRANSCRIPT_FAILED: _transcript_failed,
    kinds.CASE_OPENED: _opened,
    kinds.CASE_SUGGESTED: _suggested,
    kinds.CASE_STEP: _step,
    kinds.ATTEMPT_DIALLING: _dialling,
    kinds.ATTEMPT_OUTCOME: _outcome,
    kinds.CALLBACK_EXHAUSTED: _exhausted,
}
