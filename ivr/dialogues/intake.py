"""The automated intake: record first, so that it is complete with recognition switched off (DESIGN 4.3).

What happened, where, which number, when may we call back; each spoken answer is a clip that is played back in the
citizen's own voice. Phones ring on all the while, and an operator who answers breaks in anywhere.
"""

from __future__ import annotations

from ivr.converse import Next
from ivr.dialogues.hearing import HEARD, voiced
from ivr.house import House
from ivr.report import Report
from ivr.stages.silence import silence
from ivr.stages.waiting import waiting
from telephony.call import Call, Clip

TAKES = 3  # of one answer
SHORTEST_NUMBER, LONGEST_NUMBER = 5, 12  # digits: an operator's service; an area code and a number


async def intake(call: Call, report: Report, house: House) -> Next:
    """Take the report, give the case's code, and keep ringing for as long as the citizen stays."""
    with call.interruptible():
        await call.say(house.sound("busy"))
        what = await answer(call, report, house, "what")
        if what is None:
            return Next(silence)
        await answer(call, report, house, "where")
        report.callback_phone = await number(call, report, house)
        await answer(call, report, house, "when")
        report.complete = True
        await give_code(call, report, house)
        await call.say(house.sound("goodbye"))
    return Next(waiting)


async def answer(call: Call, report: Report, house: House, question: str) -> Clip | None:
    """One spoken answer, read back in the citizen's own voice; None when nothing was heard in two askings."""
    clip: Clip | None = None
    for take in range(1, TAKES + 1):
        await call.note_state(f"intake:{question}")
        await call.say(house.sound(f"ask_{question}"), house.sound("beep"))
        line = house.settings.line
        clip = await call.clip(
            f"{call.id}.{question}.{take}", longest=line.clip_longest, ends_after=line.clip_ends_after
        )
        heard = await voiced(house.settings.clips / f"{clip.name}.wav", clip.seconds)
        if heard < HEARD:
            if take == 2:
                return None
            await call.say(house.sound("nothing_heard" if question == "what" else "say_again"))
            continue
        report.heard(question, clip)
        played_back = (house.sound(f"said_{question}"), f"recording:{clip.name}", house.sound("confirm"))
        if await call.ask(*played_back, keys="12", within=line.key_within) != "2":
            break  # confirmed; or no key, and then what was said stands
    return clip


async def number(call: Call, report: Report, house: House) -> str:
    """Where we may call back: the number that rang, or one entered and confirmed by key. Never one merely heard."""
    within = house.settings.line.key_within
    if report.phone:
        same = await call.ask(house.sound("ask_same_number"), keys="12", within=within)
        if same != "2":
            return report.phone
    for _ in range(TAKES):
        entered = await call.digits(house.sound("ask_number"), longest=LONGEST_NUMBER, within=within)
        if len(entered) < SHORTEST_NUMBER:
            await call.say(house.sound("number_wrong"))
            continue
        read_back = (house.sound("number_is"), *house.digits(entered), house.sound("confirm"))
        if await call.ask(*read_back, keys="12", within=within) == "1":
            return entered
    return report.phone


async def give_code(call: Call, report: Report, house: House) -> None:
    """Say the case's code twice, if its event is on disk in time: a number that could be lost is not given out."""
    case = report.open_case()
    if not await house.spool.on_disk(case.opened.id, within=house.settings.line.number_on_disk_within):
        await call.say(house.sound("code_later"))
        return
    await call.say(house.sound("code_is"), *house.digits(case.code))
    await call.say(house.sound("once_more"), *house.digits(case.code))
