"""How the values of the store are called in the timeline, and the people and units behind their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cases.states import STATES
from config.city.model import City
from config.errors import NotFound
from config.language import _
from demo.story_result import Result
from models.words import CaseState, Disposition, Ground, Outcome


def disposition(value: object) -> str:
    """How a call ended."""
    named = {
        Disposition.ANSWERED: _("有人接听"),
        Disposition.INTAKE: _("自动受理"),
        Disposition.SILENT: _("没有人说话"),
        Disposition.ABANDONED: _("未接通就挂断"),
        Disposition.NO_MATTER: _("无诉求"),
        Disposition.FALLBACK: _("由交换机直接接待"),
        Disposition.SURVEYED: _("回访完成"),
        Disposition.UNREACHED: _("回访没有找到人"),
        Disposition.FAILED: _("线路自己出错"),
    }
    return _named(named, value)


def outcome(value: object) -> str:
    """How one attempt to call back ended."""
    named = {
        Outcome.COMPLETED: _("问完"),
        Outcome.BREAKOFF: _("中途挂断"),
        Outcome.NO_INPUT: _("接了，没有按键"),
        Outcome.REFUSED: _("不是本人，或不愿回答"),
        Outcome.BUSY: _("占线"),
        Outcome.NO_ANSWER: _("没有人接"),
        Outcome.REJECTED: _("拒接"),
        Outcome.UNREACHABLE: _("打不通"),
        Outcome.UNKNOWN: _("不知结果"),
        Outcome.OURS: _("线路自己的故障，不计次数"),
    }
    return _named(named, value)


def ground(value: object) -> str:
    """On what ground a case is filed."""
    named = {
        Ground.CITIZEN_CONFIRMED: _("市民本人确认"),
        Ground.EXHAUSTED_AND_DECIDED: _("回访用尽，由人决定"),
        Ground.SUPERVISOR_REASON: _("班长写明理由"),
        Ground.CONFIRMED_ON_CALL: _("当场办结"),
        Ground.NO_MATTER: _("无诉求"),
        Ground.MERGED: _("随主单答复"),
    }
    return _named(named, value)


def _named(named: Mapping[Any, str], value: object) -> str:
    return named.get(value, str(value))


class Names:
    """Names of those who act: operators (id → name), the supervisor, and the city's units and matters."""

    def __init__(self, city: City, operators: Mapping[str, str]) -> None:
        self._city = city
        self._people = {city.supervisor.id: city.supervisor.name, **operators}

    def person(self, id: object) -> str:
        return self._people.get(str(id), str(id))

    def unit(self, id: object) -> str:
        try:
            return self._city.unit(str(id)).name
        except NotFound:
            return _("未定")

    def matter(self, id: object) -> str:
        try:
            return self._city.matter(str(id)).name
        except NotFound:
            return _("未定")


def summary(result: Result, names: Names) -> list[tuple[str, str]]:
    """What the store holds at the end, for people."""
    call, recording, case = result.call, result.recording, result.case
    rows: list[tuple[str, str]] = []
    if call:
        who = names.person(call["operator"]) if call["operator"] else ""
        parts = (f"{call['seconds']:.1f} s", disposition(call["disposition"]), who)
        rows.append((_("来电"), " · ".join(part for part in parts if part)))
    if recording:
        rows.append((_("录音"), f"{recording['path']}\nSHA-256 {recording['sha256']}"))
    if case:
        state = STATES[CaseState(case["state"])].label
        unit = names.unit(case["unit"]) if case["unit"] else ""
        facts = (case["number"], state, unit, names.person(case["owner"]))
        rows.append((_("工单"), " · ".join(fact for fact in facts if fact)))
    for one in result.callbacks:
        asked = outcome(one["disposition"]) if one["disposition"] else _("待人处理")
        rows.append((_("回访"), _("{count} 次 · {asked}", count=one["attempts"], asked=asked)))
    rows.append((_("结局"), result.why or _("正如所愿")))
    return rows
