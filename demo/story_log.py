"""The duty log, retold: which of its events a listener to the story wants to hear, and in what words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cases.states import STATES
from config.city.model import City
from config.errors import NotFound
from config.language import _
from demo.timeline import Who
from models import kinds
from models.log import LoggedEvent
from models.words import CaseState

Retold = tuple[Who, str] | None


def retell(city: City, event: LoggedEvent) -> Retold:
    """Whose event it is and how it is told; None for what would only bore."""
    words = _WORDS.get(event.kind)
    return words(city, event.body) if words else None


def _answered(city: City, body: dict[str, Any]) -> Retold:
    return "line", _("接通，用时 {ms} 毫秒；录音已经开始", ms=body.get("ms"))


def _stage(city: City, body: dict[str, Any]) -> Retold:
    named = {
        "intake": _("没有人接，自动受理；同时继续振铃"),
        "silence": _("听不到市民说话，按可能遇险处理"),
        "survey:confirm": _("先问是不是本人来过电话，确认之前不提事情"),
        "survey:contacted": _("问：单位联系过您吗？"),
        "survey:solved": _("问：问题解决了吗？"),
        "survey:satisfied": _("问：您满意吗？"),
    }
    text = named.get(str(body.get("stage")))
    return ("line", text) if text else None


def _talk(city: City, body: dict[str, Any]) -> Retold:
    return "line", _("{operator} 接起，与市民通话；其余话机停铃", operator=body.get("operator"))


def _clip(city: City, body: dict[str, Any]) -> Retold:
    named = {"what": _("什么事"), "where": _("什么地方"), "when": _("何时回电")}
    question = named.get(str(body.get("question")), str(body.get("question")))
    return "line", _("记下“{question}”，{seconds} 秒", question=question, seconds=body.get("seconds"))


def _call_end(city: City, body: dict[str, Any]) -> Retold:
    if "case" in body and body.get("disposition") in ("surveyed", "unreached"):
        return None  # the attempt's outcome says more
    return "line", _(
        "通话结束，{seconds} 秒，结果：{found}", seconds=body.get("seconds"), found=body.get("disposition")
    )


def _sealed(city: City, body: dict[str, Any]) -> Retold:
    digest = str(body.get("file_sha256", ""))[:12]
    return "line", _("录音封存：{seconds} 秒，SHA-256 {digest}…", seconds=body.get("seconds"), digest=digest)


def _transcribed(city: City, body: dict[str, Any]) -> Retold:
    return "line", _("转写完成（{engine}，{model}）", engine=body.get("engine"), model=body.get("model"))


def _opened(city: City, body: dict[str, Any]) -> Retold:
    return "office", _(
        "立案 {number}，报给市民的编号 {code}，负责人 {owner}",
        number=body.get("number"),
        code=body.get("code"),
        owner=body.get("owner"),
    )


def _suggested(city: City, body: dict[str, Any]) -> Retold:
    return "office", _("推荐：{matter}，归 {unit}", matter=matter(city, body), unit=unit(city, body))


def _step(city: City, body: dict[str, Any]) -> Retold:
    state = STATES[CaseState(body["to"])].label if body.get("to") in set(CaseState) else str(body.get("to"))
    match body.get("step"):
        case "assign":
            text = _(
                "{by} 派单给 {unit}：{matter}",
                by=body["by"],
                unit=unit(city, body),
                matter=matter(city, body),
            )
            return "office", text
        case "accept":
            return "unit", _("{unit} 受理", unit=unit(city, body))
        case "resolve":
            return "unit", _("{unit} 办结：{result}", unit=unit(city, body), result=body.get("result"))
        case "reopen":
            return "office", _("市民说没有解决：重新办理，督办")
        case "confirm":
            return "office", _("市民确认已经解决")
        case "close":
            return "office", _("归档，依据：{ground}", ground=body.get("ground"))
        case _:
            return "office", _("{step}：{state}", step=body.get("step"), state=state)


def _leased(city: City, body: dict[str, Any]) -> Retold:
    return "line", _("回访：给市民回电话")


def _outcome(city: City, body: dict[str, Any]) -> Retold:
    def said(value: bool | None) -> str:
        return "—" if value is None else _("是") if value else _("否")

    return "line", _(
        "回访结果：{outcome}；联系过 {contacted}，解决 {solved}，满意 {satisfied}",
        outcome=body.get("outcome"),
        contacted=said(body.get("contacted")),
        solved=said(body.get("solved")),
        satisfied=said(body.get("satisfied")),
    )


def _exhausted(city: City, body: dict[str, Any]) -> Retold:
    return "office", _("回访已尽，转由人处理；工单不会自动归档")


def _transcript_failed(city: City, body: dict[str, Any]) -> Retold:
    return "line", _("转写没有做成：{why}", why=body.get("why"))


def unit(city: City, body: dict[str, Any]) -> str:
    """The name of the unit an event speaks of."""
    try:
        return city.unit(str(body.get("unit"))).name
    except NotFound:
        return str(body.get("unit"))


def matter(city: City, body: dict[str, Any]) -> str:
    try:
        return city.matter(str(body.get("matter"))).name
    except NotFound:
        return _("未定")


_WORDS: dict[str, Callable[[City, dict[str, Any]], Retold]] = {
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
    kinds.ATTEMPT_DIALLING: _leased,
    kinds.ATTEMPT_OUTCOME: _outcome,
    kinds.CALLBACK_EXHAUSTED: _exhausted,
}
