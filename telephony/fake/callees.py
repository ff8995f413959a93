"""People whom the line rings: what each does, by a script, and the originate that meets them.

The causes are those that Asterisk 22.10.1 shows for the SIP statuses of a real phone (measured).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from telephony.ari._generated import models

if TYPE_CHECKING:
    from telephony.fake.channels import FakeChannel

Script = Callable[["FakeChannel"], Coroutine[Any, Any, None]]

Q850 = {486: 17, 600: 17, 603: 21, 403: 21, 404: 1, 480: 19, 503: 34, 500: 41}
DIAL_STATUS = {17: "BUSY", 34: "CONGESTION"}


@dataclass(frozen=True)
class Callee:
    """What a phone does when it is rung; times in seconds, since the originate or since the answer."""

    rings_after: float | None = 0.05  # None: no 180 ever comes
    answers_after: float | None = None  # None: never answers
    refuses_with: int | None = None  # SIP status of a refusal, at
    refuses_after: float = 0.1
    hangs_up_after: float | None = None  # since the answer
    keys: tuple[tuple[float, str], ...] = ()  # (seconds since the answer, digits)
    script: Script | None = None  # run at the answer: press, speak, hears …

    def then(self, script: Script) -> Callee:
        """The same, and this script runs once it has answered."""
        return replace(self, script=script)


def answers(
    after: float = 1.0, *, hangs_up_after: float | None = None, keys: tuple[tuple[float, str], ...] = ()
) -> Callee:
    """Rings, answers after so many seconds; may press keys and hang up, in seconds after the answer."""
    return Callee(answers_after=after, hangs_up_after=hangs_up_after, keys=keys)


def busy(after: float = 0.1) -> Callee:
    """486: cause 17."""
    return Callee(rings_after=None, refuses_with=486, refuses_after=after)


def rejects(after: float = 1.0) -> Callee:
    """603 after ringing: cause 21."""
    return Callee(refuses_with=603, refuses_after=after)


def fails(status: int = 503, after: float = 0.1) -> Callee:
    """Refused by the network without ringing, e.g. 503: cause 34, 480: cause 19, 404: cause 1."""
    return Callee(rings_after=None, refuses_with=status, refuses_after=after)


def no_answer() -> Callee:
    """Rings until the originate's timeout: cause 19 / 480."""
    return Callee()


def nobody() -> Callee:
    """Nothing comes back, not even ringing: cause 19 / 480 at the timeout."""
    return Callee(rings_after=None)


async def ring(channel: FakeChannel, dialled: str, callee: Callee, timeout: float) -> bool:
    """Ring the callee; whether it was answered. Otherwise the channel has ended with the fitting cause."""
    told = {"dialstring": dialled, "forward": ""}

    def dial(status: str) -> None:
        channel.tell(models.Dial, peer=channel.snapshot(), dialstatus=status, **told)

    channel.tell(models.ChannelCreated)
    dial("")
    channel.doing = ("AppDial2", "(Outgoing Line)")
    steps = [(timeout, "timeout")]
    if callee.rings_after is not None:
        steps.append((callee.rings_after, "ring"))
    if callee.answers_after is not None:
        steps.append((callee.answers_after, "answer"))
    if callee.refuses_with is not None:
        steps.append((callee.refuses_after, "refuse"))
    passed = 0.0
    for at, step in sorted(steps):
        await asyncio.sleep(at - passed)
        passed = at
        if step == "ring":
            channel.set_state("Ringing")
            dial("RINGING")
        elif step == "answer":
            channel.set_state("Up")
            dial("ANSWER")
            return True
        elif step == "timeout":
            channel.destroy(19, 480)
            return False
        else:
            status = callee.refuses_with or 480
            cause = Q850.get(status, 0)
            channel.tell(models.ChannelHangupRequest, cause=cause, tech_cause=status)
            dial(DIAL_STATUS.get(cause, "NOANSWER"))
            channel.destroy(cause, status)
            return False
    return False


def cancel(channel: FakeChannel, dialled: str) -> None:
    """The application takes an unanswered originate back: CANCEL."""
    channel.tell(models.ChannelHangupRequest, cause=32, soft=True)
    channel.tell(models.Dial, peer=channel.snapshot(), dialstatus="NOANSWER", dialstring=dialled, forward="")
    channel.destroy(16)


async def live(channel: FakeChannel, callee: Callee) -> None:
    """What the callee does once it has answered."""
    started = channel.world.now()
    if callee.script is not None:
        channel.later(callee.script(channel))
    steps: list[tuple[float, str]] = list(callee.keys)
    if callee.hangs_up_after is not None:
        steps.append((callee.hangs_up_after, ""))
    for at, keys in sorted(steps):
        await asyncio.sleep(max(0.0, started + at - channel.world.now()))
        if keys:
            channel.press(keys)
        else:
            channel.hang_up()
