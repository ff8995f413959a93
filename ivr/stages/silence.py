"""Nobody is heard. Possibly somebody who must not be heard: keep listening, call it a matter for the police."""

from __future__ import annotations

from ivr.converse import Next, stays
from ivr.dialogues.hearing import sign
from ivr.house import House
from ivr.report import Report
from models.words import Priority
from telephony.call import Call

ASKINGS = 2  # in one call, however often nobody is heard in it
LISTEN = 8.0  # s after each asking
COMFORT_EVERY = 30.0  # s
ANY_KEY = "0123456789*#"


@stays(20.0)
async def silence(call: Call, report: Report, house: House, when_spoken: Next) -> Next | None:
    """Ask to press or to knock (DESIGN 4.4). A voice: `when_spoken`. A key or a knock: somebody who cannot speak.

    Of those, and of who gives no sign, we think the worst: recording and ringing until they hang up.
    """
    with call.interruptible():
        why = None
        while why is None and report.unheard < ASKINGS:
            report.unheard += 1
            why = await _sign(call, report, house)
        if why == "voice":
            return when_spoken
        report.silent = True
        report.urgent(f"{why}_in_silence" if why else "silent", Priority.POLICE)
        house.desk.assign()
        while True:
            await call.say(house.sound("silent_stay"))
            await call.pause(COMFORT_EVERY)


async def _sign(call: Call, report: Report, house: House) -> str | None:
    """One asking, and what came of it: "pressed", "knock", "voice" or nothing."""
    name = report.next_clip("silence")
    with call.open_question(ANY_KEY):
        pressed = call.next_key()
        await call.say(house.sound("nothing_heard"), unless=pressed)
        if not pressed.done():
            await call.clip(name, longest=LISTEN, ends_after=LISTEN, unless=pressed)
        if pressed.done():
            return "pressed"
    return await sign(house.settings.clips / f"{name}.wav")
