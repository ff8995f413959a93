"""The wait without end: phones ring until somebody answers or the citizen hangs up."""

from __future__ import annotations

from ivr.converse import Next, stays
from ivr.house import House
from ivr.report import Report
from models.words import Priority
from telephony.call import Call

REASSURE_EVERY = 20.0  # s between words of comfort to one who waits


@stays(20.0)
async def waiting(call: Call, report: Report, house: House, opening: str | None = None) -> Next:
    """The citizen wants a person, or has told us everything and stays: we ring on until they hang up.

    Nothing here ends the call. What is said meanwhile is in the recording. `opening` is the first prompt.
    """
    urgent = report.priority is not Priority.ORDINARY and not report.complete
    with call.interruptible():
        await call.say(house.sound(opening or ("emergency" if urgent else "ringing_on")))
        while True:
            await call.pause(REASSURE_EVERY)
            await call.say(house.sound("wait"))


def resuming(report: Report, house: House) -> Next:
    """It was our fault: back to the head of the desk, by the first arrival time, with an apology."""
    house.desk.enter(report)
    return Next(waiting, "apology")
