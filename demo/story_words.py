"""The people and units behind the ids of the store, and what the timeline says at its end."""

from __future__ import annotations

from collections.abc import Mapping

from cases.states import STATES
from config.city.model import City
from config.errors import NotFound
from config.language import _
from demo.story_result import Result
from models.labels import disposition, outcome
from models.words import CaseState


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
