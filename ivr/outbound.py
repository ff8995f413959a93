"""Calls we make to citizens: each attempt is dialled once, whatever is restarted meanwhile (DESIGN 7).

The worker leases an attempt in the store; here its dialling is put on disk before the request is sent, under an id
that is the same each time it is found. An id that is on disk already is never dialled again.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog

from callbacks.plan import Leased
from ivr.dialogues.survey import Answers, survey
from ivr.house import House
from ivr.report import recorder_time
from models import kinds
from models.event import Event, found, now
from models.words import Disposition, Outcome
from telephony.call import Call
from telephony.leg import Ending, How, Leg

log = structlog.get_logger()

OUTCOMES: dict[How, Outcome] = {
    "busy": Outcome.BUSY,
    "rejected": Outcome.REJECTED,
    "no_answer": Outcome.NO_ANSWER,
    "no_such_number": Outcome.UNREACHABLE,
    "unreachable": Outcome.OURS,  # it never rang: the trunk or we are at fault
    "refused_by_us": Outcome.OURS,
    "cancelled": Outcome.OURS,
}


def dialling(house: House, lease: Leased, at_number: int = 1) -> Event:
    return found(
        house.settings.node,
        f"attempt:{lease.id}",
        kinds.ATTEMPT_DIALLING,
        at_number,
        at=now(),
        attempt=lease.id,
        case=lease.case_number,
    )


async def ring_back(house: House, lease: Leased) -> None:
    """Dial one leased attempt and ask. Its outcome is an event, also when we ourselves failed."""
    event = dialling(house, lease)
    within = house.settings.line.number_on_disk_within
    if await house.spool.holds(event.id, within) is not False:
        return  # dialled before, or the disk does not say: then the lease stays, and is looked at again
    house.spool.put(event)
    if not await house.spool.on_disk(event.id, within):
        _outcome(house, lease, Answers(outcome=Outcome.OURS), call=None)
        return
    trunk = next(iter(house.settings.trunks), None)
    if trunk is None:
        log.warning("no_trunk_for_callbacks")
        _outcome(house, lease, Answers(outcome=Outcome.OURS), call=None)
        return
    leg = Leg(lease.id, "", house.ari, house.router)
    house.note(
        f"call:{lease.id}",
        kinds.CALL_START,
        direction="out",
        caller=lease.phone,
        dialled=lease.phone,
        trunk=trunk,
        channel=lease.id,
        case=lease.case_number,
    )
    await leg.dial(
        f"PJSIP/{lease.phone}@{trunk}",
        "ms-callback",
        ring_for=house.settings.callback.ring_for,
        caller=house.city.numbers.shown,
        variables={"MS_APP": house.app, "MS_CALL": lease.id},
    )
    ends: list[asyncio.Future[Any]] = [leg.answered, leg.ended]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if leg.answered.done() and leg.alive:
        await _answered(house, lease, leg)
    else:
        _unanswered(house, lease, await leg.ended)


async def _answered(house: House, lease: Leased, leg: Leg) -> None:
    call = Call(house.ari, house.router, lease.id, lease.id, lease.phone)
    since = time.monotonic()
    note = _noter(house, lease)
    note(kinds.CALL_ANSWERED, ms=0, recorder_at=recorder_time(leg.recorder_at))

    async def stage(name: str) -> None:
        note(kinds.CALL_STAGE, stage=name)
        await call.note_state(name)

    answers = Answers(outcome=Outcome.BREAKOFF)
    try:
        answers = await survey(call, house, lease.code, stage)
    except Exception:
        log.exception("survey_fault", call=lease.id)
        answers = Answers(outcome=Outcome.OURS)
    finally:
        by = "callee" if call.gone.done() else "line"
        await call.hang_up()
        await call.close()
    reached = answers.outcome is Outcome.COMPLETED
    note(
        kinds.CALL_END,
        disposition=(Disposition.SURVEYED if reached else Disposition.UNREACHED).value,
        by=by,
        seconds=round(time.monotonic() - since, 3),
        cause=call.cause or 16,
        case=lease.case_number,
    )
    _outcome(house, lease, answers, call=lease.id)


def _unanswered(house: House, lease: Leased, ending: Ending) -> None:
    _noter(house, lease)(
        kinds.CALL_END,
        disposition=Disposition.UNREACHED.value,
        by="callee",
        seconds=0.0,
        cause=ending.cause,
        case=lease.case_number,
    )
    outcome = OUTCOMES.get(ending.how, Outcome.NO_ANSWER)
    _outcome(house, lease, Answers(outcome=outcome), call=lease.id)


def _noter(house: House, lease: Leased) -> Any:
    return lambda kind, **body: house.note(f"call:{lease.id}", kind, **body)


def _outcome(house: House, lease: Leased, answers: Answers, call: str | None) -> None:
    house.note(
        f"attempt:{lease.id}",
        kinds.ATTEMPT_OUTCOME,
        attempt=lease.id,
        call=call,
        outcome=answers.outcome.value,
        contacted=answers.contacted,
        solved=answers.solved,
        satisfied=answers.satisfied,
        wants_person=answers.wants_person,
    )
