"""The callback: contacted? solved? satisfied? In keys (DESIGN 7).

Until the callee has confirmed by key, nothing of the matter is said: a husband may have answered. The case's code is
never said: who knows it asks after the case. Each question is asked up to `askings` times; answered without a key is
not completed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ivr.house import House
from models.words import Outcome
from telephony.call import Call
from telephony.turns import CallerGone

YES, NO, AGAIN, PERSON = "1", "2", "9", "0"
REPEATS = 5  # of one question, by 9: somebody who leans on a key is no reason to talk for ever
PATIENCE = 30.0  # s, longer than any prompt


@dataclass
class Answers:
    """What the citizen said by key; None is not answered."""

    confirmed: bool = False
    contacted: bool | None = None
    solved: bool | None = None
    satisfied: bool | None = None
    wants_person: bool = False
    outcome: Outcome = Outcome.NO_INPUT

    def so_far(self, otherwise: Outcome) -> Outcome:
        """Completed once *solved?* is answered, whatever ended it then."""
        return Outcome.COMPLETED if self.solved is not None else otherwise


class WantsPerson(Exception):
    """0 was pressed: a person rings them."""


async def survey(call: Call, house: House, stage: Callable[[str], Awaitable[None]], answers: Answers) -> None:
    """Ask, and put into `answers` what was answered, however far it came. Never raises `CallerGone`.

    `stage` is told each step by name, for the log and for a restart.
    """
    call.patience = PATIENCE
    try:
        await _questions(call, house, stage, answers)
    except WantsPerson:
        answers.wants_person = True
        answers.outcome = answers.so_far(Outcome.REFUSED)
        await _farewell(call, house, "cb_person")
    except CallerGone:
        answers.outcome = answers.so_far(Outcome.BREAKOFF if answers.confirmed else answers.outcome)


async def _questions(
    call: Call, house: House, stage: Callable[[str], Awaitable[None]], answers: Answers
) -> None:
    await stage("survey:confirm")
    confirmed = await _ask(call, house, house.sound("cb_hello"))
    if confirmed is None:
        return
    if not confirmed:
        answers.outcome = Outcome.REFUSED
        await call.say(house.sound("cb_wrong"))
        return
    answers.confirmed = True
    await call.say(house.sound("cb_matter"))
    await stage("survey:contacted")
    answers.contacted = await _ask(call, house, house.sound("cb_contacted"))
    await stage("survey:solved")
    answers.solved = await _ask(call, house, house.sound("cb_solved"))
    if answers.solved is None:
        await call.say(house.sound("cb_person"))
        return
    answers.outcome = Outcome.COMPLETED
    await stage("survey:satisfied")
    answers.satisfied = await _ask(call, house, house.sound("cb_satisfied"))
    content = answers.solved and answers.satisfied is not False
    await call.say(house.sound("cb_thanks" if content else "cb_reopen"))


async def _ask(call: Call, house: House, question: str) -> bool | None:
    """Yes or no; None after all askings without a key. Raises `WantsPerson` on 0."""
    settings = house.settings.callback
    media: tuple[str, ...] = (question,)
    asked, repeated = 1, 0
    while asked <= settings.askings:
        key = await call.ask(*media, keys=YES + NO + AGAIN + PERSON, within=settings.key_within)
        if key == PERSON:
            raise WantsPerson
        if key in (YES, NO):
            return key == YES
        if key == AGAIN and repeated < REPEATS:
            repeated, media = repeated + 1, (question,)
        else:
            asked, media = asked + 1, (house.sound("cb_no_key"), question)
    return None


async def _farewell(call: Call, house: House, prompt: str) -> None:
    try:
        await call.say(house.sound(prompt))
    except CallerGone:
        return
