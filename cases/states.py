"""The states of a case and the steps between them, as data (DESIGN 6). Code asks `is_open` and `is_settled`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from config.language import preferred
from models.words import CaseState as S


@dataclass(frozen=True)
class State:
    """How a state is called, and whether the citizen still waits for something."""

    zh: str
    en: str
    kind: Literal["open", "settled"]

    @property
    def label(self) -> str:
        return self.en if preferred() == "en" else self.zh


STATES: Mapping[S, State] = MappingProxyType(
    {
        S.OPEN: State("待派单", "open", "open"),
        S.ASSIGNED: State("已派单", "assigned", "open"),
        S.ACCEPTED: State("已受理", "accepted", "open"),
        S.EXTENDED: State("已延期", "extended", "open"),
        S.RETURNED: State("已退回", "returned", "open"),
        S.REOPENED: State("重新办理", "reopened", "open"),
        S.RESOLVED: State("已办结", "resolved", "open"),  # the unit says so; the citizen has not been asked
        S.ANSWERED: State("即办", "answered", "open"),
        S.MERGED: State("已并单", "merged", "open"),  # its own caller still has to be answered
        S.CONFIRMED: State("已确认", "confirmed", "settled"),
        S.CLOSED: State("已归档", "closed", "settled"),
    }
)


@dataclass(frozen=True)
class Step:
    """`to` is empty where the state stays."""

    zh: str
    en: str
    at: frozenset[S]
    to: S | None

    @property
    def label(self) -> str:
        return self.en if preferred() == "en" else self.zh


def _step(zh: str, en: str, to: S | None, *at: S) -> Step:
    return Step(zh, en, frozenset(at), to)


_WITH_A_UNIT = (S.ASSIGNED, S.ACCEPTED, S.EXTENDED)
_WORKED_ON = (S.OPEN, *_WITH_A_UNIT, S.RETURNED, S.REOPENED)
_UNSETTLED = tuple(name for name, state in STATES.items() if state.kind == "open")

STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "assign": _step("派单", "assign", S.ASSIGNED, *_WORKED_ON),
        "accept": _step("受理", "accept", S.ACCEPTED, S.ASSIGNED),
        "resolve": _step("办结", "resolve", S.RESOLVED, S.ACCEPTED, S.EXTENDED),
        "return": _step("退回", "return", S.RETURNED, S.ASSIGNED, S.ACCEPTED),
        "extend": _step("延期", "extend", S.EXTENDED, S.ACCEPTED, S.EXTENDED),
        "answer": _step("即办", "answer on the call", S.ANSWERED, *_WORKED_ON),
        "confirm": _step("确认", "confirm", S.CONFIRMED, S.RESOLVED),
        "close": _step("归档", "close", S.CLOSED, *_UNSETTLED, S.CONFIRMED),
        "no_matter": _step("无诉求", "close as no matter", S.CLOSED, S.OPEN),
        "reopen": _step(
            "重新办理", "reopen", S.REOPENED, S.RESOLVED, S.ANSWERED, S.CONFIRMED, S.CLOSED, S.MERGED
        ),
        "merge": _step("并单", "merge", S.MERGED, *_WORKED_ON, S.RESOLVED),
        "supervise": _step("督办", "supervise", None, *_UNSETTLED),
        "hand_over": _step("移交", "hand over", None, *_UNSETTLED),
        "claim": _step("接手", "claim", None, *_UNSETTLED),
        "welfare": _step("关怀回电", "call back in person", None, *_UNSETTLED),
        # what co-units do: their own assignment moves, the case stays with its lead unit
        "co_accept": _step("协办受理", "accept as co-unit", None, *_WITH_A_UNIT),
        "co_resolve": _step("协办完成", "finish as co-unit", None, *_WITH_A_UNIT, S.RESOLVED),
        "co_return": _step("协办退回", "return as co-unit", None, *_WITH_A_UNIT),
    }
)


def is_settled(state: str) -> bool:
    return STATES[S(state)].kind == "settled"


def is_open(state: str) -> bool:
    return not is_settled(state)


def allows(state: str, step: str) -> bool:
    return S(state) in STEPS[step].at


UNSETTLED: tuple[str, ...] = tuple(state.value for state in _UNSETTLED)
