"""A case that a unit has reported done, so that its citizen is to be called back; and how it then stands."""

from __future__ import annotations

from sqlalchemy.orm import Session

from cases import steps
from demo.phones import Phone
from demo.phones_talk import Talk
from models.calls import Call
from models.cases import Callback, Case
from models.event import now
from models.store.retry import retrying
from models.words import AttemptState
from tests.line.site import Site


async def resolved_case(site: Site, citizen: Phone) -> str:
    """The citizen rings, an operator takes the case, assigns it; the unit accepts and reports it done."""
    operator = await site.seat("op1")
    talk = await citizen.call(site.uri)
    ring = await operator.next_call(within=5)
    await ring.answer()
    await talk.heard_sound(within=5)
    await talk.hang_up()
    call = await site.ended_call()
    await site.row(lambda session: session.get(Case, call.case_number or ""), "the case")
    await operator.off()
    number = call.case_number or ""
    unit = next(unit.id for unit in site.city.units if unit.kind == "department")
    done_by(site, number, unit)
    return number


def done_by(site: Site, number: str, unit: str) -> None:
    """The operator assigns the case; the unit accepts, and reports it done."""

    def step(session: Session) -> None:
        steps.assign(session, site.city, number, unit=unit, by="op1", now=now())
        steps.accept(session, site.city, number, by=unit, now=now())
        steps.resolve(session, site.city, number, result="已经修好", by=unit, now=now())

    retrying(site.store, step)  # the worker writes too


async def called_back(citizen: Phone) -> Talk:
    """The line's call, answered."""
    ring = await citizen.next_call(within=20)
    await ring.answer()
    await ring.answered(within=5)
    return ring


async def press(talk: Talk, keys: str) -> None:
    """Each key in answer to a question, once it has been asked."""
    for key in keys:
        await talk.pause(within=40)
        await talk.keys(key)


async def press_early(site: Site, talk: Talk, keys: str) -> None:
    """As somebody who knows the questions: each key as soon as its question begins."""
    for key, name in zip(keys, ("confirm", "contacted", "solved", "satisfied"), strict=False):
        await question(site, f"survey:{name}")
        await talk.heard_sound(within=5)
        await talk.keys(key)


async def question(site: Site, stage: str) -> None:
    """Until the callback under way has come to this question."""

    def look(session: Session) -> bool | None:
        found = session.query(Call).filter_by(direction="out").order_by(Call.started_at.desc()).first()
        return True if found is not None and found.ended_at is None and found.stage == stage else None

    await site.row(look, stage, 40)


async def settled(site: Site, number: str, state: str, within: float = 30.0) -> Case:
    """The case, once it is in this state, with its callbacks and their attempts."""

    def look(session: Session) -> Case | None:
        case = session.get(Case, number)
        if case is None or case.state != state:
            return None
        assert all(callback.attempts is not None for callback in case.callbacks)
        return case

    return await site.row(look, f"the case to be {state}", within)


async def asked(site: Site, number: str, outcome: str, within: float = 40.0) -> Callback:
    """The callback, once one of its attempts ended so."""

    def look(session: Session) -> Callback | None:
        for callback in session.query(Callback).filter_by(case_number=number):
            done = [one for one in callback.attempts if one.state == AttemptState.DONE]
            if any(one.outcome == outcome for one in done):
                return callback
        return None

    return await site.row(look, f"an attempt that ended {outcome}", within)
