"""Runs a dialogue stage by stage, until the citizen or a person ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ivr.house import House
from ivr.report import Report
from models import kinds
from telephony.call import Call
from telephony.leg import Leg
from telephony.turns import CallerGone, PersonReady, PersonWanted


@dataclass(frozen=True)
class Next:
    """The stage that follows, with what it needs to know."""

    stage: Stage
    about: Any = None


Stage = Callable[..., Awaitable[Next | None]]
AnyStage = TypeVar("AnyStage", bound=Stage)

_longest: dict[Stage, float] = {}


def stays(seconds: float) -> Callable[[AnyStage], AnyStage]:
    """Declares the longest that a stage waits without an event: longer means that something of ours was lost."""

    def declare(stage: AnyStage) -> AnyStage:
        _longest[stage] = seconds
        return stage

    return declare


async def converse(
    call: Call,
    report: Report,
    house: House,
    first: Next | None,
    on_person: Callable[[Leg], Next],
    on_wish: Next,
) -> None:
    """From `first` on; None: all was said. Returns when the caller has gone or a stage says that this is the end.

    `on_person` follows when somebody answers a phone, `on_wish` when the citizen asks for a person. Any other
    exception passes through, `Overstayed` too: the caller of this function owes the citizen the fallback.
    """
    following: Next | None = first
    while following is not None:
        name = following.stage.__name__
        report.note(kinds.CALL_STAGE, stage=name)
        try:
            call.patience = _longest.get(following.stage)
            await call.note_state(name)
            if following.about is None:
                following = await following.stage(call, report, house)
            else:
                following = await following.stage(call, report, house, following.about)
        except PersonReady as ready:
            following = on_person(ready.leg)
        except PersonWanted:
            following = on_wish
        except CallerGone:
            return
