"""The first stages: the notice, and the wait for a person."""

from __future__ import annotations

import time

from ivr.converse import Next
from ivr.dialogues.intake import intake
from ivr.house import House
from ivr.report import Report
from telephony.call import Call


async def greeting(call: Call, report: Report, house: House) -> Next:
    """Say who we are and that this is recorded. Phones ring already; the citizen may already speak."""
    with call.interruptible():
        await call.say(house.sound("notice"))
    return Next(queue)


async def queue(call: Call, report: Report, house: House) -> Next:
    """A person first: wait for one until `answer_within` seconds after the call came in."""
    until = report.arrived + house.settings.line.answer_within
    with call.interruptible():
        await call.pause(max(0.0, until - time.monotonic()) / 2)
        await call.say(house.sound("ringing_on"))
        await call.pause(max(0.0, until - time.monotonic()))
    return Next(intake)
