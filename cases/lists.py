"""What has to be done next: lists of cases, each in the order in which a person should take them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case as when
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from cases.change import find, stream
from cases.states import UNSETTLED
from models.calls import Call
from models.cases import Case
from models.event import Event
from models.store.log import events
from models.words import CaseState, Priority

STALE = timedelta(hours=1)  # a call without an end for so long is not one that is still up

_URGENT_FIRST = when((Case.priority == Priority.ORDINARY, 1), else_=0)
_WITH_UNIT = (CaseState.RESOLVED, CaseState.ANSWERED, CaseState.MERGED)


def worklist(
    session: Session, *, owner: str | None = None, unit: str | None = None, limit: int = 200
) -> list[Case]:
    """Open cases by their next clock; those without one yet (just opened) first."""
    clock = func.coalesce(Case.accept_by, Case.due_at)
    query = select(Case).where(Case.state.in_(UNSETTLED))
    if owner is not None:
        query = query.where(Case.owner == owner)
    if unit is not None:
        query = query.where(Case.unit == unit)
    query = query.order_by(when((clock.is_(None), 0), else_=1), clock, Case.opened_at).limit(limit)
    return list(session.scalars(query))


def welfare(session: Session, now: datetime, *, limit: int = 200) -> list[Case]:
    """Callers a person must ring back at once: emergencies first, then who has waited longest.

    A caller who is still on the line is not on the list.
    """
    up = exists().where(Call.id == Case.call_id, Call.ended_at.is_(None), Call.started_at > now - STALE)
    query = select(Case).where(Case.welfare, Case.state.in_(UNSETTLED), ~up)
    return list(session.scalars(query.order_by(_URGENT_FIRST, Case.opened_at).limit(limit)))


def overdue(session: Session, now: datetime, *, limit: int = 200) -> list[Case]:
    """Cases past their deadline whose unit has not reported."""
    states = [state for state in UNSETTLED if state not in _WITH_UNIT]
    query = select(Case).where(Case.state.in_(states), Case.due_at < now)
    return list(session.scalars(query.order_by(_URGENT_FIRST, Case.due_at).limit(limit)))


def supervised(session: Session, *, limit: int = 200) -> list[Case]:
    """Cases under supervision (督办) that are not closed."""
    query = select(Case).where(Case.supervised, Case.state.in_(UNSETTLED))
    return list(session.scalars(query.order_by(_URGENT_FIRST, Case.opened_at).limit(limit)))


def offered(session: Session, operator: str) -> list[Case]:
    """Hand-overs that wait for this operator's acceptance."""
    query = select(Case).where(Case.offered_to == operator, Case.state.in_(UNSETTLED))
    return list(session.scalars(query.order_by(Case.opened_at)))


def without_owner(session: Session) -> list[str]:
    """Numbers of cases nobody answers for: must always be empty (the database holds it too)."""
    return list(session.scalars(select(Case.number).where(Case.owner == "")))


def history(session: Session, number: str) -> list[Event]:
    """What happened to a case and to the attempts to ring its citizen, in order of time. Raises `NotFound`."""
    case = find(session, number)
    streams = [stream(number)]
    streams += [f"attempt:{attempt.id}" for item in case.callbacks for attempt in item.attempts]
    found = [
        (event.at, place, event) for place, name in enumerate(streams) for event in events(session, name)
    ]
    return [event for _at, _place, event in sorted(found, key=lambda item: item[:2])]
