"""Nobody is heard. Possibly somebody who must not be heard: keep listening, call it a matter for the police."""

from __future__ import annotations

from ivr.converse import Next, stays
from ivr.house import House
from ivr.report import Report
from models.words import Priority
from telephony.call import Call

LISTEN = 8.0  # s after each asking
COMFORT_EVERY = 30.0  # s


@stays(20.0)
async def silence(call: Call, report: Report, house: House) -> Next | None:
    """Ask twice to press or tap; then stay, recording and ringing, until the citizen hangs up."""
    with call.interruptible():
        for _ in range(2):
            key = await call.ask(house.sound("nothing_heard"), keys="0123456789*#", within=LISTEN)
            if key is not None:
                report.urgent("pressed_in_silence", Priority.POLICE)
                break
        report.silent = True
        report.urgent("silent", Priority.POLICE)
        house.desk.assign()
        while True:
            await call.say(house.sound("silent_stay"))
            await call.pause(COMFORT_EVERY)
