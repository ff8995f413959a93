"""The automated intake: record first, so that it is complete with recognition switched off (DESIGN 4.3).

What happened, where, which number, when may we call back; each spoken answer is a clip that is played back in the
citizen's own voice. Phones ring on all the while, and an operator who answers breaks in anywhere.
"""

from __future__ import annotations

from callbacks.policy import unfit_number
from ivr.converse import Next, stays
from ivr.dialogues.hearing import HEARD, voiced
from ivr.house import House
from ivr.report import Report
from ivr.stages.silence import silence
from ivr.stages.waiting import waiting
from telephony.call import Call, Clip
from telephony.turns import Turn

TAKES = 3  # of one answer
UNHEARD = 2  # takes in which nobody was heard: no third one (of the first question one: the silence asks)
LONGEST_NUMBER = 15  # digits: a mobile number with 0086 before it


@stays(150.0)  # as long as what was said is played back
async def intake(call: Call, report: Report, house: House) -> Next:
    """Take the report, give the case's code, and keep ringing for as long as the citizen stays."""
    with call.interruptible():
        if not report.unheard:  # else they were asked to speak, and do
            await call.say(house.sound("busy"))
        if not await answer(call, report, house, "what"):
            return Next(silence, Next(intake))
        await answer(call, report, house, "where")
        report.callback_phone = await number(call, report, house)
        await answer(call, report, house, "when")
        report.complete = True
        await give_code(call, report, house)
        await call.say(house.sound("goodbye"))
    return Next(waiting)


async def answer(call: Call, report: Report, house: House, question: str) -> bool:
    """One spoken answer, read back in the citizen's own voice; False when nobody was heard.

    Without a key, what was said stands; and an earlier take stands when nothing better follows.
    """
    unheard = 0
    for _ in range(TAKES):
        await call.note_state(f"intake:{question}")
        await call.say(house.sound(f"ask_{question}"), house.sound("beep"))
        clip = await take_down(call, report, house, question)
        if clip is None:
            unheard += 1
            if unheard == UNHEARD or (question == "what" and not report.spoken_for):
                break
            await call.say(house.sound("say_again"))
            continue
        played_back = (house.sound(f"said_{question}"), f"recording:{clip}", house.sound("confirm"))
        if await call.ask(*played_back, keys="12", within=house.settings.line.key_within) != "2":
            break
    return question in report.clips


async def take_down(call: Call, report: Report, house: House, question: str) -> str | None:
    """Record one take; its name, or None when nobody is heard in it. Who hangs up instead of pressing # has told us."""
    line = house.settings.line
    name = report.next_clip(question)
    path = house.settings.clips / f"{name}.wav"
    try:
        clip = await call.clip(name, longest=line.clip_longest, ends_after=line.clip_ends_after)
    except Turn:
        if (heard := await voiced(path, 0.0)) >= HEARD:
            report.heard(question, Clip(name, heard))
        raise
    if await voiced(path, clip.seconds) < HEARD:
        return None
    report.heard(question, clip)
    return name


async def number(call: Call, report: Report, house: House) -> str:
    """Where we may call back: the number that rang, or one entered and confirmed by key. Never one merely heard."""
    within = house.settings.line.key_within
    if report.phone and unfit_number(report.phone, house.city) is None:
        same = await call.ask(house.sound("ask_same_number"), keys="12", within=within)
        if same != "2":
            return report.phone
    for _ in range(TAKES):
        entered = await call.digits(house.sound("ask_number"), longest=LONGEST_NUMBER, within=within)
        if unfit_number(entered, house.city) is not None:
            await call.say(house.sound("number_wrong"))
            continue
        read_back = (house.sound("number_is"), *house.digits(entered), house.sound("confirm"))
        if await call.ask(*read_back, keys="12", within=within) == "1":
            return entered
    return report.phone


async def give_code(call: Call, report: Report, house: House) -> None:
    """Say the case's code twice, if its event is on disk in time: a number that could be lost is not given out.

    Then none is promised either: a callback never says one (DESIGN 7).
    """
    case = report.open_case()
    if not await house.spool.on_disk(case.opened.id, within=house.settings.line.number_on_disk_within):
        return
    await call.say(house.sound("code_is"), *house.digits(case.code))
    await call.say(house.sound("once_more"), *house.digits(case.code))
