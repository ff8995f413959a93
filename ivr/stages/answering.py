"""The first stages: the notice, and the wait for a person."""

from __future__ import annotations

from ivr.converse import Next, stays
from ivr.dialogues.intake import intake
from ivr.house import House
from ivr.report import Report, clock
from telephony.call import Call


@stays(20.0)
async def greeting(call: Call, report: Report, house: House) -> Next:
    """Say who we are and that this is recorded. Phones ring already; the citizen may already speak."""
    with call.interruptible():
        await call.say(house.sound("notice"))
    return Next(queue)


@stays(20.0)
async def queue(call: Call, report: Report, house: House, opening: str | None = None) -> Next:
    """A person first: wait for one until `answer_within` seconds after the call came in."""
    until = report.arrived + house.settings.line.answer_within
    with call.interruptible():
        if opening is not None:
            await call.say(house.sound(opening))
        await call.pause(max(0.0, until - clock()) / 2)
        await call.say(house.sound("ringing_on"))
        await call.pause(max(0.0, until - clock()))
    return Next(intake)
