"""The people of the demo: what each does with a telephone, on what they hear, and nothing else.

They know no more than people know: a number to dial, what they want to say, which keys they would press. A citizen
speaks when it is quiet for two seconds, an operator after one: so the operator leads the conversation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from demo.phones import Phone
from demo.phones_talk import CallOver, PhoneTrouble, Talk, TooLate

Answer = Literal["solved", "unsolved", "silent", "unanswered"]

CONNECT = 15.0  # s from dialling to the answer
PATIENCE = 60.0  # s without being spoken to
NOTICED = 1.0  # s of quiet: the notice is over, an operator may speak
MY_TURN = 2.0  # s of quiet: a citizen speaks, or presses a key
FAREWELL = 4.0  # s of quiet: there is nothing more to be said
ANNOUNCED = 4.5  # s of sound: more than "operator 1001 serves you" was heard
PICKS_UP_AFTER = 4.5  # s of ringing
CALLBACK_RINGS = 1.5  # s, until the citizen answers
CALLBACK_KEYS: dict[Answer, str] = {
    "solved": "1111",
    "unsolved": "1122",
}  # is it you; contacted; solved; satisfied


@dataclass(frozen=True)
class CitizenLines:
    """What the citizen says: `matter` after the notice; `replies` one by one to the operator; `place` and `time` to
    the intake's questions. `speechless`: the matter holds no sound at all."""

    matter: Path
    replies: tuple[Path, ...]
    place: Path
    time: Path
    speechless: bool = False


@dataclass(frozen=True)
class OperatorLines:
    """`answers`: said in turn; `hello`: where nobody speaks."""

    answers: tuple[Path, ...]
    hello: Path


async def talk_to_an_operator(phone: Phone, uri: str, lines: CitizenLines) -> Talk:
    """Dial, wait for the notice to end, say what is wrong, reply to what is asked, and hang up."""
    talk = await _dial(phone, uri)
    with contextlib.suppress(CallOver):
        await talk.say(lines.matter)
        talk.listen_anew()
        for reply in lines.replies:
            await talk.pause(PATIENCE, quiet=MY_TURN)
            await talk.say(reply)
            talk.listen_anew()
        if not lines.replies:
            await _listen_until_silence(talk)
    await talk.hang_up()
    return talk


async def _listen_until_silence(talk: Talk) -> None:
    """Nothing more to say: hear what is said to us, and wait until nothing follows."""
    await talk.pause(PATIENCE, quiet=FAREWELL)
    while True:
        try:
            await talk.pause(FAREWELL, quiet=FAREWELL)
        except TooLate:
            return


async def talk_to_the_intake(phone: Phone, uri: str, lines: CitizenLines) -> Talk:
    """Nobody answers: speak after each beep, press # and, after hearing one's own words, 1; hang up at the end."""
    talk = await _dial(phone, uri)
    with contextlib.suppress(CallOver):
        await talk.say(lines.matter)
        for words in (lines.matter, lines.place, lines.time):
            await _beep(talk)
            await talk.say(words)
            await talk.keys("#")
            talk.listen_anew()
            await _press_when_quiet(talk, "1")
            if words is lines.place:  # then comes: is this the number we may call back?
                await _press_when_quiet(talk, "1")
        await talk.pause(PATIENCE, quiet=FAREWELL)
    await talk.hang_up()
    return talk


async def say_nothing(phone: Phone, uri: str, lines: CitizenLines, *, stays: float) -> Talk:
    """Dial, play what holds no sound, and hang up after `stays` seconds, or when the other side has."""
    talk = await _dial(phone, uri)
    with contextlib.suppress(CallOver, TooLate):
        await talk.say(lines.matter)
        await talk.ended(within=stays)
    await talk.hang_up()
    return talk


async def _dial(phone: Phone, uri: str) -> Talk:
    talk = await phone.call(uri)
    await talk.answered(CONNECT)
    await talk.pause(CONNECT, quiet=NOTICED)
    return talk


async def _beep(talk: Talk) -> None:
    """Wait for the beep after which one speaks; announcements before it are only heard."""
    while not (await talk.pause(PATIENCE, quiet=0.7)).beep:
        pass


async def _press_when_quiet(talk: Talk, key: str) -> None:
    await talk.pause(PATIENCE, quiet=MY_TURN)
    await talk.keys(key)
    talk.listen_anew()


async def serve(phone: Phone, lines: OperatorLines) -> Talk:
    """At the desk: pick up the first call after some ringing, listen, ask, note, and let the citizen go first."""
    talk = await phone.next_call(within=PATIENCE)
    while not await _pick_up(talk, PICKS_UP_AFTER):
        talk = await phone.next_call(within=PATIENCE)
    with contextlib.suppress(CallOver):
        await talk.pause(PATIENCE, quiet=NOTICED)
        spoken = await _somebody_spoke(talk, lines)
        if spoken:
            await _converse(talk, lines.answers)
        with contextlib.suppress(TooLate):
            await talk.ended(within=3 * FAREWELL)
    await talk.hang_up()
    return talk


async def _pick_up(talk: Talk, after: float) -> bool:
    """Let it ring, then answer; False where it stopped ringing before."""
    try:
        await talk.ended(within=after)
    except TooLate:
        with contextlib.suppress(PhoneTrouble):
            await talk.answer()
            await talk.answered(CONNECT)
            return True
    return False


async def _somebody_spoke(talk: Talk, lines: OperatorLines) -> bool:
    """Whether the citizen was heard; if only our own announcement was, say hello, twice."""
    if sum(spell.ends - spell.begins for spell in talk.spells) > ANNOUNCED:
        return True
    for _ in range(2):
        await talk.say(lines.hello)
        with contextlib.suppress(TooLate):
            await talk.pause(2 * FAREWELL, quiet=NOTICED)
            return True
    return False


async def _converse(talk: Talk, answers: Sequence[Path]) -> None:
    for number, words in enumerate(answers):
        if number:
            await talk.pause(PATIENCE, quiet=NOTICED)
        await talk.say(words)
        talk.listen_anew()


async def take_callbacks(phone: Phone, answer: Answer) -> None:
    """Take each call that comes to the citizen, in the manner of `answer`, until cancelled."""
    while True:
        try:
            talk = await phone.next_call(within=3600.0)
        except TooLate:
            continue
        with contextlib.suppress(CallOver, TooLate):
            if answer != "unanswered":
                await _pick_up(talk, CALLBACK_RINGS)
            for key in CALLBACK_KEYS.get(answer, ""):
                await _press_when_quiet(talk, key)
            await talk.ended(within=4 * PATIENCE)
        if talk.closed is None:
            await talk.hang_up()
