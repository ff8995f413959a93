"""What the store knows that the policy asks for."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from callbacks.policy import Asked, canonical
from config.city.model import City
from models.calls import Call
from models.cases import Attempt, Callback, Case, Citizen
from models.words import AttemptState, CaseState, Outcome

LOST = timedelta(
    hours=1
)  # longer than any ringing and asking: then the line did not live to tell the outcome
STALE = timedelta(hours=6)  # a call without an end for so long was lost by us, and holds nobody's callback up

_SINCE_TARGET = (CaseState.RESOLVED, CaseState.CONFIRMED, CaseState.CLOSED)


def asked(session: Session, city: City, case: Case) -> Asked:
    citizen = session.get(Citizen, case.callback_phone) or session.get(Citizen, case.phone)
    return Asked(
        phone=canonical(case.callback_phone, city),
        kind=case.kind,
        matter=case.matter,
        suggested=case.suggested_matter,
        confidential=case.confidential,
        do_not_call=bool(citizen and citizen.do_not_call),
        safe_from=citizen.safe_from if citizen else None,
        safe_to=citizen.safe_to if citizen else None,
    )


def since(session: Session, case: Case) -> datetime | None:
    """When what the citizen is asked about was done: for a merged case, by the case it went into."""
    if case.state != CaseState.MERGED:
        return case.resolved_at
    target = session.get(Case, case.merged_into or "")
    if target is None or target.state not in _SINCE_TARGET:
        return None
    return target.resolved_at or target.closed_at


def unasked(session: Session) -> list[Case]:
    """Resolved cases, and merged ones with another caller, without a round since their resolution."""
    target = aliased(Case)
    done = func.coalesce(target.resolved_at, target.closed_at)
    resolved = select(Case).where(
        Case.state == CaseState.RESOLVED,
        ~exists().where(
            Callback.case_number == Case.number,
            or_(Callback.planned_at >= Case.resolved_at, Callback.state == "open"),
        ),
    )
    merged = (
        select(Case)
        .join(target, target.number == Case.merged_into)
        .where(
            Case.state == CaseState.MERGED,
            target.state.in_(_SINCE_TARGET),
            target.callback_phone != Case.callback_phone,
            ~exists().where(
                Callback.case_number == Case.number,
                or_(Callback.planned_at >= done, Callback.state == "open"),
            ),
        )
    )
    return [*session.scalars(resolved), *session.scalars(merged)]


def open_rounds(session: Session) -> list[Callback]:
    return list(session.scalars(select(Callback).where(Callback.state == "open").order_by(Callback.due_at)))


def waits(session: Session, callback: Callback) -> bool:
    """Whether the question of this round still stands."""
    case = session.get_one(Case, callback.case_number)
    if case.state not in (CaseState.RESOLVED, CaseState.MERGED):
        return False
    done = since(session, case)
    return done is not None and callback.planned_at >= done


def tried(callback: Callback) -> tuple[int, int]:
    """How often this round rang the citizen, and how often we failed by our own fault."""
    over = [item for item in callback.attempts if item.state == AttemptState.DONE]
    ours = sum(item.outcome == Outcome.OURS for item in over)
    return len(over) - ours, ours


def last_ours(callback: Callback) -> datetime | None:
    over = [item for item in callback.attempts if item.outcome == Outcome.OURS]
    return max((item.ended_at or item.planned_at for item in over), default=None)


def lost(session: Session, now: datetime) -> list[Attempt]:
    """Attempts that were dialled and never ended: the line was killed, and neither Asterisk nor the spool told."""
    up = exists().where(Call.id == Attempt.call_id, Call.ended_at.is_(None), Call.started_at > now - STALE)
    query = select(Attempt).where(
        Attempt.state == AttemptState.DIALLING, Attempt.dialled_at < now - LOST, ~up
    )
    return list(session.scalars(query))


def rung(session: Session, phone: str) -> list[datetime]:
    """When a number rang, for whichever case; UNKNOWN counts, our own failures do not."""
    query = select(Attempt).where(
        Attempt.phone == phone,
        or_(Attempt.state == AttemptState.DIALLING, Attempt.outcome.is_not(None)),
        or_(Attempt.outcome.is_(None), Attempt.outcome != Outcome.OURS),
    )
    return [item.dialled_at or item.ended_at or item.planned_at for item in session.scalars(query)]


def drop_planned(session: Session, callback: Callback) -> None:
    """Forgets attempts that were only planned: nobody was rung, and nobody will be."""
    for attempt in [item for item in callback.attempts if item.state == AttemptState.PLANNED]:
        callback.attempts.remove(attempt)
        session.delete(attempt)
    session.flush()


def due(session: Session, now: datetime) -> list[UUID]:
    query = select(Attempt.id).where(Attempt.state == AttemptState.PLANNED, Attempt.planned_at <= now)
    return list(session.scalars(query.order_by(Attempt.planned_at)))


def waiting_for_line(session: Session) -> int:
    """Attempts that are leased and do not occupy a channel yet."""
    query = select(func.count()).select_from(Attempt).where(Attempt.state == AttemptState.LEASED)
    return session.scalar(query) or 0


def is_live(session: Session, phone: str, shown: str, now: datetime) -> bool:
    """Whether a number is in a call, or is being rung by us, at this moment."""
    forms = {phone, shown, f"+86{phone}", f"86{phone}", f"0086{phone}"}
    call = exists().where(Call.number.in_(forms), Call.ended_at.is_(None), Call.started_at > now - STALE)
    ringing = exists().where(
        Attempt.phone == phone, Attempt.state.in_((AttemptState.LEASED, AttemptState.DIALLING))
    )
    return bool(session.scalar(select(or_(call, ringing))))
