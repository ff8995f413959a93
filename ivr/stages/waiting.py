"""The wait without end: phones ring until somebody answers or the citizen hangs up."""

from __future__ import annotations

from ivr.converse import Next
from ivr.house import House
from ivr.report import Report
from models.words import Priority
from telephony.call import Call

REASSURE_EVERY = 20.0  # s between words of comfort to one who waits


async def waiting(call: Call, report: Report, house: House) -> Next:
    """The citizen wants a person, or has told us everything and stays: we ring on until they hang up.

    Nothing here ends the call. What is said meanwhile is in the recording.
    """
    with call.interruptible():
        first = "emergency" if report.priority is not Priority.ORDINARY else "ringing_on"
        await call.say(house.sound("ringing_on" if report.complete else first))
        while True:
            await call.pause(REASSURE_EVERY)
            await call.say(house.sound("wait"))
