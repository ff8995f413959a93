"""The scheduler's part of calling back: plan, lease, give up to a person. Each is one short transaction.

planned → leased (here) → dialling → outcome (`callbacks.project`, from what the line spooled). A lease never expires:
the line may be about to dial, and nobody is rung twice. A round is one resolution: a case that was taken up again is
asked about again, while the limits per number hold over all rounds and cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callbacks import facts, policy
from callbacks.policy import Why
from callbacks.project import attempt_outcome
from cases.change import find, node_of
from cases.states import is_settled
from config.city.model import City
from config.errors import Refused
from config.language import _
from config.settings import Settings
from models.cases import Attempt, Callback, Case
from models.event import Event, found, happened
from models.kinds import (
    ATTEMPT_LEASED,
    ATTEMPT_OUTCOME,
    ATTEMPT_PLANNED,
    CALLBACK_EXHAUSTED,
    CALLBACK_TO_PERSON,
)
from models.store.engine import Store
from models.store.log import record
from models.store.retry import retrying, swap
from models.words import AttemptState, CaseState, Outcome

log = structlog.get_logger()


@dataclass(frozen=True)
class Leased:
    """What the line dials; `id` becomes the channel's id."""

    id: str
    phone: str
    case_number: str


def tick(store: Store, settings: Settings, city: City, now: datetime, *, free_channels: int) -> list[Event]:
    """One look at everything: withdraw, plan, give up, lease. Returns the events it recorded.

    `free_channels`: channels that nobody uses now; the spare ones of the settings are kept back here.
    Raises `Retryable` when the store is away: the next tick finds the same.
    """
    try:
        new = retrying(store, lambda session: _prepare(session, settings, city, now))
    except IntegrityError:
        log.info("another_scheduler_was_first")  # it planned the same rounds: the next tick finds them
        return []
    with store.reading() as session:
        left = policy.room(settings.callback, free_channels, facts.waiting_for_line(session))
        due = facts.due(session, now)
    for attempt in due:
        if left <= 0:
            break
        try:
            event = retrying(store, lambda session, id=attempt: _lease(session, settings, city, id, now))  # type: ignore[misc]
        except IntegrityError:
            log.info("number_already_live", attempt=str(attempt))  # another worker was first: it waits
            continue
        if event is not None:
            new.append(event)
            left -= 1
    return new


def plan_due(session: Session, settings: Settings, city: City, now: datetime) -> list[Event]:
    """Begins a round for each resolved case whose citizen has not been asked about this resolution."""
    return [event for case in facts.unasked(session) for event in _begin(session, settings, city, case, now)]


def leased(session: Session) -> list[Leased]:
    """All that is leased and was not dialled, the oldest first."""
    query = select(Attempt).where(Attempt.state == AttemptState.LEASED).order_by(Attempt.leased_at)
    return [Leased(str(one.id), one.phone, one.case_number) for one in session.scalars(query)]


def leased_now(session: Session, settings: Settings, city: City, now: datetime) -> list[Leased]:
    """`leased`, but only whom we may ring at this hour: a line that was down over night must not dial at 23:00."""
    allowed = []
    for one in leased(session):
        asked = facts.asked(session, city, find(session, one.case_number))
        when = policy.hours(settings.callback, city.zone, asked.safe_from, asked.safe_to)
        if when.open_at(now):
            allowed.append(one)
    return allowed


def person_list(session: Session) -> list[Callback]:
    """Citizens whom a person has to ring, the longest due first; settled cases are off the list."""
    query = select(Callback).where(Callback.state == "person").order_by(Callback.due_at)
    waiting = []
    for callback in session.scalars(query).all():
        case = find(session, callback.case_number)
        if not is_settled(case.state) and callback.planned_at >= (
            facts.since(session, case) or callback.planned_at
        ):
            waiting.append(callback)
    return waiting


def run_now(session: Session, settings: Settings, city: City, case_number: str, *, now: datetime) -> Attempt:
    """Brings the next attempt of a resolved case forward: to now, or to the first moment that the rules allow.

    Raises `NotFound`, and `Refused` where there is nobody to ask, or a person has to.
    """
    case = find(session, case_number)
    plan_due(session, settings, city, now)
    rounds = [item for item in case.callbacks if item.state != "done"]
    if not rounds or case.state not in (CaseState.RESOLVED, CaseState.MERGED):
        raise Refused(_("工单 {number} 现在没有要回访的", number=case_number))
    callback = rounds[-1]
    if callback.state == "person":
        raise Refused(
            _("工单 {number} 由人回访：{why}", number=case_number, why=Why(callback.why_person).label)
        )
    callback.due_at = now
    _go_on(session, settings, city, callback, now)
    live = [item for item in callback.attempts if item.state != AttemptState.DONE]
    if not live:
        raise Refused(
            _("工单 {number} 由人回访：{why}", number=case_number, why=Why(callback.why_person).label)
        )
    attempt = live[-1]
    if attempt.state == AttemptState.PLANNED:
        attempt.planned_at = _moment(session, settings, city, callback, now) or attempt.planned_at
    session.flush()
    return attempt


def _prepare(session: Session, settings: Settings, city: City, now: datetime) -> list[Event]:
    new = [_ended_unknown(session, attempt, now) for attempt in facts.lost(session, now)]
    for callback in facts.open_rounds(session):
        if facts.waits(session, callback):
            new += _go_on(session, settings, city, callback, now)
        else:
            _withdraw(session, callback, now)
    return new + plan_due(session, settings, city, now)


def _ended_unknown(session: Session, attempt: Attempt, now: datetime) -> Event:
    """It counts as rung. Should the true outcome be told after all, it takes this one's place."""
    stream = f"attempt:{attempt.id}"
    event = found(
        node_of(attempt.case_number),
        stream,
        ATTEMPT_OUTCOME,
        0,
        at=now,
        attempt=str(attempt.id),
        case=attempt.case_number,
        outcome=Outcome.UNKNOWN.value,
    )
    record(session, event)
    attempt_outcome(session, event)
    return event


def _begin(session: Session, settings: Settings, city: City, case: Case, now: datetime) -> list[Event]:
    rules = settings.callback
    asked = facts.asked(session, city, case)
    why = policy.person_instead(asked, city, rules)
    when = policy.hours(rules, city.zone, asked.safe_from, asked.safe_to)
    due = policy.due_at(rules, when, facts.since(session, case) or now)
    callback = Callback(
        id=uuid4(),
        case_number=case.number,
        phone=asked.phone,
        planned_at=now,
        due_at=due or now,
        state="open",
        why_person="",
    )
    case.callbacks.append(callback)
    session.flush()
    if why is not None:
        return [_to_person(session, callback, why, now)]
    return _go_on(session, settings, city, callback, now)


def _go_on(
    session: Session, settings: Settings, city: City, callback: Callback, now: datetime
) -> list[Event]:
    """The next attempt of an open round, or its end, unless one is planned or under way."""
    if any(item.state != AttemptState.DONE for item in callback.attempts):
        return []
    rung, ours = facts.tried(callback)
    why = policy.exhausted(settings.callback, rung, ours)
    at = _moment(session, settings, city, callback, max(now, callback.due_at))
    if why is not None or at is None:
        return [_to_person(session, callback, why or Why.NO_HOURS, now)]
    attempt = Attempt(
        id=uuid4(),
        callback_id=callback.id,
        case_number=callback.case_number,
        phone=callback.phone,
        state=AttemptState.PLANNED.value,
        planned_at=at,
        answers={},
    )
    callback.attempts.append(attempt)
    session.flush()
    return [
        _note(session, f"attempt:{attempt.id}", ATTEMPT_PLANNED, callback, now, planned_at=at.isoformat())
    ]


def _lease(session: Session, settings: Settings, city: City, id: object, now: datetime) -> Event | None:
    """Leases one attempt, if everything that allowed it still holds; else moves it or leaves it waiting."""
    attempt = session.get(Attempt, id)
    if attempt is None or attempt.state != AttemptState.PLANNED:
        return None
    callback = session.get_one(Callback, attempt.callback_id)
    if callback.state != "open":
        facts.drop_planned(session, callback)
        return None
    case = find(session, attempt.case_number)
    asked = facts.asked(session, city, case)
    why = policy.person_instead(asked, city, settings.callback)
    if why is not None:
        facts.drop_planned(session, callback)
        return _to_person(session, callback, why, now)
    if facts.is_live(session, attempt.phone, case.callback_phone, now):
        return None  # the citizen is speaking with us, or we are ringing them: later
    at = _moment(session, settings, city, callback, now)
    if at is None or at > now:
        attempt.planned_at = at or attempt.planned_at
        return None
    seen = {"id": attempt.id, "state": AttemptState.PLANNED.value}
    if not swap(session, Attempt, seen, {"state": AttemptState.LEASED.value, "leased_at": now}):
        return None
    return _note(session, f"attempt:{attempt.id}", ATTEMPT_LEASED, callback, now)


def _moment(
    session: Session, settings: Settings, city: City, callback: Callback, at: datetime
) -> datetime | None:
    rules = settings.callback
    asked = facts.asked(session, city, find(session, callback.case_number))
    when = policy.hours(rules, city.zone, asked.safe_from, asked.safe_to)
    rung = facts.rung(session, callback.phone)
    return policy.next_at(rules, when, at, rung, ours=facts.last_ours(callback))


def _withdraw(session: Session, callback: Callback, now: datetime) -> None:
    """The case went another way meanwhile. What is leased may be ringing: it is left to end by itself."""
    if any(item.state in (AttemptState.LEASED, AttemptState.DIALLING) for item in callback.attempts):
        return
    facts.drop_planned(session, callback)
    callback.state, callback.done_at = "done", now
    session.flush()


def _to_person(session: Session, callback: Callback, why: Why, now: datetime) -> Event:
    callback.state, callback.why_person = "person", why.value
    session.flush()
    kind = CALLBACK_EXHAUSTED if why is Why.EXHAUSTED else CALLBACK_TO_PERSON
    return _note(session, f"case:{callback.case_number}", kind, callback, now, why=why.value)


def _note(session: Session, stream: str, kind: str, callback: Callback, now: datetime, **body: str) -> Event:
    node = node_of(callback.case_number)
    event = happened(node, stream, kind, at=now, case=callback.case_number, callback=str(callback.id), **body)
    record(session, event)
    return event
