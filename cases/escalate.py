"""The clocks of all open cases, looked at again and again: set where missing, reminded before, escalated after.

Each reminder and escalation is an event with an id made of what it is about: however often we look, it is there once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cases import clocks
from cases.change import clock_start, node_of, stream
from cases.states import UNSETTLED
from config.city.model import City
from models.cases import Case
from models.event import Event, found
from models.kinds import CASE_ESCALATED, CASE_REMINDED
from models.log import LoggedEvent
from models.store.engine import Store
from models.store.log import record
from models.store.retry import retrying
from models.words import CaseState

AHEAD = timedelta(days=14)  # no reminder is earlier than this before its deadline

_DONE_BY_UNIT = (CaseState.RESOLVED, CaseState.ANSWERED, CaseState.MERGED)
_WORKED_ON = tuple(state for state in UNSETTLED if state not in _DONE_BY_UNIT)
_UNCLAIMED = (CaseState.OPEN, CaseState.ASSIGNED, CaseState.RETURNED, CaseState.REOPENED)


def tick(store: Store, city: City, now: datetime) -> list[Event]:
    """Sets missing clocks and records what has become due since; returns the new events.

    Raises `Retryable` when the store is away: nothing is lost then, the next tick finds the same.
    """

    def look(session: Session) -> list[Event]:
        set_clocks(session, city)
        return remind(session, city, now)

    try:
        return retrying(store, look)
    except IntegrityError:
        return []  # another scheduler recorded the same at this moment; what is left, the next tick finds


def set_clocks(session: Session, city: City) -> None:
    """Clocks of cases that a call has just opened, raised, or an answer has opened again."""
    fresh = select(Case).where(Case.state.in_((CaseState.OPEN, CaseState.REOPENED)), Case.accept_by.is_(None))
    for case in session.scalars(fresh).all():
        start = clock_start(session, case)
        kind = clocks.class_of(city, matter=case.matter, priority=case.priority, kind=case.kind)
        case.accept_by = clocks.accept_by(city, kind, start)
        case.due_at = clocks.due_at(city, kind, start)
    session.flush()


def remind(session: Session, city: City, now: datetime) -> list[Event]:
    """Deadlines that are near or past, each as one event."""
    late: ColumnElement[bool] = (Case.accept_by < now) & Case.state.in_(_UNCLAIMED)
    near = Case.due_at < now + AHEAD
    waiting = select(Case).where(Case.state.in_(_WORKED_ON), or_(late, near))
    due = [event for case in session.scalars(waiting).all() for event in _due(session, city, case, now)]
    known: set[UUID] = set()
    for start in range(0, len(due), 500):
        ids = [event.id for event in due[start : start + 500]]
        known |= set(session.scalars(select(LoggedEvent.id).where(LoggedEvent.id.in_(ids))))
    new = [event for event in due if event.id not in known]
    for event in new:
        record(session, event)
    return new


def _due(session: Session, city: City, case: Case, now: datetime) -> list[Event]:
    due = []
    if case.accept_by and case.accept_by < now and case.state in _UNCLAIMED:
        due.append(_event(case, CASE_ESCALATED, "accept", case.accept_by, now))
    if case.due_at and case.due_at < now:
        due.append(_event(case, CASE_ESCALATED, "due", case.due_at, now))
    elif case.due_at and clocks.remind_at(city, clock_start(session, case), case.due_at) <= now:
        due.append(_event(case, CASE_REMINDED, "due", case.due_at, now))
    return due


def _event(case: Case, kind: str, what: str, until: datetime, now: datetime) -> Event:
    number = int(until.timestamp()) * 2 + (what == "due")
    return found(
        node_of(case.number),
        stream(case.number),
        kind,
        number,
        at=now,
        what=what,
        until=until.isoformat(),
        owner=case.owner,
        unit=case.unit,
    )
