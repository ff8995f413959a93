"""Calls we make to citizens: each attempt is dialled once, whatever is restarted meanwhile (DESIGN 7).

The worker leases an attempt in the store; here its dialling is put on disk before the request is sent, under an id
that is the same each time it is found. An id that is on disk already is never dialled again. What was dialled has an
outcome, by an id of the same kind: whatever goes wrong here, and also when the line was killed meanwhile (`settle`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from callbacks.plan import Leased
from callbacks.policy import unfit_number
from ivr.dialogues.survey import Answers, survey
from ivr.house import House
from ivr.report import clock, recorder_time
from models import kinds
from models.cases import Attempt
from models.event import Event, found, now
from models.words import AttemptState, Disposition, Outcome
from telephony.ari.errors import AriError, NotFound
from telephony.call import Call
from telephony.leg import Ending, How, Leg

log = structlog.get_logger()

OUTCOMES: dict[How, Outcome] = {
    "answered": Outcome.NO_INPUT,  # picked up and put down before our first word
    "busy": Outcome.BUSY,
    "rejected": Outcome.REJECTED,
    "no_answer": Outcome.NO_ANSWER,
    "no_such_number": Outcome.UNREACHABLE,
    "unreachable": Outcome.OURS,  # it never rang: the trunk or we are at fault
    "refused_by_us": Outcome.OURS,
    "cancelled": Outcome.OURS,
}


async def ring_back(house: House, lease: Leased) -> None:
    """Dial one leased attempt and ask. Its outcome is an event, also when we ourselves failed."""
    event = dialling(house, lease.id, lease.case_number)
    within = house.settings.line.number_on_disk_within
    if await house.spool.holds(event.id, within) is not False:
        return  # dialled before, or the disk does not say: then the lease stays, and is looked at again
    house.spool.put(event)
    trunk = next(iter(house.settings.trunks), None)
    why_not = None
    if not await house.spool.on_disk(event.id, within):
        why_not = "not_on_disk"
    elif trunk is None:
        why_not = "no_trunk"
    elif (unfit := unfit_number(lease.phone, house.city)) is not None:
        why_not = unfit.value  # the plan does not lease these: the last look before it would ring
    if why_not is not None or trunk is None:
        log.warning("not_dialled", attempt=lease.id, why=why_not)
        return outcome(house, lease.id, Answers(outcome=Outcome.OURS), call=None)
    try:
        answers = await _rung(house, lease, trunk)
    except Exception:
        log.exception("callback_fault", attempt=lease.id)
        answers = Answers(outcome=Outcome.UNKNOWN)  # it may have rung
    outcome(house, lease.id, answers, call=lease.id)


async def _rung(house: House, lease: Leased, trunk: str) -> Answers:
    leg = Leg(lease.id, "", house.ari, house.router)
    _note(house, lease)(
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
    if await leg.answer() and leg.alive:
        return await _answered(house, lease, leg)
    return _unanswered(house, lease, await leg.over())


async def _answered(house: House, lease: Leased, leg: Leg) -> Answers:
    call = Call(house.ari, house.router, lease.id, lease.id, lease.phone)
    note = _note(house, lease)
    since = clock()
    note(kinds.CALL_ANSWERED, ms=0, recorder_at=recorder_time(leg.recorder_at))

    async def stage(name: str) -> None:
        note(kinds.CALL_STAGE, stage=name)
        await call.note_state(name)

    answers = Answers()
    try:
        await survey(call, house, stage, answers)
    except Exception:
        log.exception("survey_fault", call=lease.id)
        answers.outcome = answers.so_far(Outcome.UNKNOWN)  # they were rung: not at once again
    by = "callee" if call.gone.done() else "line"
    await call.hang_up()
    await call.close()
    await call.until_destroyed()
    reached = answers.outcome is Outcome.COMPLETED
    note(
        kinds.CALL_END,
        disposition=(Disposition.SURVEYED if reached else Disposition.UNREACHED).value,
        by=by,
        seconds=round(clock() - since, 3),
        cause=call.cause or 16,
        case=lease.case_number,
    )
    return answers


def _unanswered(house: House, lease: Leased, ending: Ending) -> Answers:
    _note(house, lease)(
        kinds.CALL_END,
        disposition=Disposition.UNREACHED.value,
        by="callee",
        seconds=0.0,
        cause=ending.cause,
        case=lease.case_number,
    )
    return Answers(outcome=OUTCOMES[ending.how])


def _note(house: House, lease: Leased) -> Callable[..., Event]:
    return lambda kind, **body: house.note(f"call:{lease.id}", kind, **body)


def dialling(house: House, attempt: str, case: str) -> Event:
    """The event that an attempt is being dialled."""
    return _found(house, attempt, kinds.ATTEMPT_DIALLING, case=case)


def outcome(house: House, attempt: str, answers: Answers, call: str | None) -> None:
    """How an attempt ended; the first word that is spooled stands."""
    event = _found(
        house,
        attempt,
        kinds.ATTEMPT_OUTCOME,
        call=call,
        outcome=answers.outcome.value,
        contacted=answers.contacted,
        solved=answers.solved,
        satisfied=answers.satisfied,
        wants_person=answers.wants_person,
    )
    house.spool.put(event)


def _found(house: House, attempt: str, kind: str, **body: Any) -> Event:
    return found(house.settings.node, f"attempt:{attempt}", kind, 1, at=now(), attempt=attempt, **body)


# After a restart ----------------------------------------------------------------------------------------


def under_way(session: Session) -> list[tuple[str, str]]:
    """Attempts without an outcome that may have been dialled: id and case."""
    states = (AttemptState.LEASED.value, AttemptState.DIALLING.value)
    rows = session.execute(select(Attempt.id, Attempt.case_number).where(Attempt.state.in_(states)))
    return [(str(row.id), row.case_number) for row in rows]


async def settle(house: House, attempts: list[tuple[str, str]]) -> bool:
    """Before the first dialling: what an earlier line dialled and did not live to tell ends as unknown (DESIGN 7).

    False when the disk or Asterisk did not say: to be asked again. One whose channel lives is left to the scheduler.
    """
    all_told = True
    within = house.settings.line.number_on_disk_within
    for attempt, case in attempts:
        dialled = await house.spool.holds(dialling(house, attempt, case).id, within)
        told = await house.spool.holds(_found(house, attempt, kinds.ATTEMPT_OUTCOME).id, within)
        lives = await _lives(house, attempt) if dialled and told is False else False
        if dialled is None or told is None or lives is None:
            all_told = False
        elif dialled and not told and not lives:
            log.warning("attempt_lost", attempt=attempt)
            outcome(house, attempt, Answers(outcome=Outcome.UNKNOWN), call=attempt)
    return all_told


async def _lives(house: House, channel: str) -> bool | None:
    """Whether Asterisk has the channel; None when it does not say."""
    try:
        await house.ari.channels.get(channelId=channel)
    except NotFound:
        return False
    except AriError:
        return None
    return True
