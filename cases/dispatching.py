"""To a unit and back: assign, accept, resolve, return, extend."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from cases import clocks
from cases.change import check, clock_start, find, move
from cases.people import need_person, need_supervisor, need_unit_or_person
from config.city.model import City, MatterClass, Sensitive
from config.errors import Refused
from config.language import _
from models.cases import Assignment, Case
from models.words import Priority

_SECRET = (Sensitive.WHISTLE_BLOWER, Sensitive.CONFIDENTIAL)


def assign(
    session: Session,
    city: City,
    case_number: str,
    *,
    unit: str,
    matter: str | None = None,
    co_units: tuple[str, ...] = (),
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """Gives the case to a lead unit and, where needed, to co-units; who held it before is relieved.

    Without `matter` the case keeps its own, or takes the suggested one where its unit is the suggested one. The
    deadline runs from the call, not from here. Raises `NotFound` for an unknown unit or matter, `Refused`.
    """
    case = find(session, case_number)
    need_person(session, city, by)
    lead = city.unit(unit).id
    others = [other for other in dict.fromkeys(city.unit(name).id for name in co_units) if other != lead]
    chosen = city.matter(matter).id if matter else case.matter
    if chosen is None and case.suggested_unit == lead:
        chosen = case.suggested_matter
    change = _classified(city, case, chosen)
    kind = clocks.class_of(city, matter=chosen, priority=change["priority"], kind=change["kind"])
    start = clock_start(session, case)
    due = clocks.due_at(city, kind, start)
    if due:
        due = max(
            [due, *(x.extended_to for x in case.assignments if x.extended_to and x.assigned_at >= start)]
        )
    change |= {"unit": lead, "matter": chosen, "due_at": due, "accept_by": clocks.accept_by(city, kind, now)}
    held = _held(case)
    moved = move(
        session,
        case,
        "assign",
        by=by,
        now=now,
        seen_version=seen_version,
        change=change,
        unit=lead,
        matter=chosen,
        co_units=others,
    )
    for old in held:
        old.returned_at, old.return_reason = now, _("改派")
    for place, id in enumerate([lead, *others]):
        session.add(_assignment(case_number, id, place == 0, by, now))
    session.flush()
    session.expire(moved, ["assignments"])
    return moved


def accept(
    session: Session,
    city: City,
    case_number: str,
    *,
    unit: str | None = None,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """A unit takes the case on (`unit` empty: its lead). A co-unit's acceptance leaves the state as it is."""
    case, mine = _mine(session, city, case_number, unit, "accept", by)
    if mine.accepted_at is not None and not mine.lead:
        raise Refused(_("{unit}已经受理过工单 {number}", unit=city.unit(mine.unit).name, number=case_number))
    step, change = ("accept", {"accept_by": None}) if mine.lead else ("co_accept", {})
    move(session, case, step, by=by, now=now, seen_version=seen_version, change=change, unit=mine.unit)
    mine.accepted_at = now
    session.flush()
    return case


def resolve(
    session: Session,
    city: City,
    case_number: str,
    *,
    result: str,
    unit: str | None = None,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """A unit reports what it did. The lead's report makes the case resolved; the citizen is asked afterwards."""
    case, mine = _mine(session, city, case_number, unit, "resolve", by)
    if not result.strip():
        raise Refused(_("办结要写明办理结果"))
    step, change = ("resolve", {"resolved_at": now}) if mine.lead else ("co_resolve", {})
    move(
        session,
        case,
        step,
        by=by,
        now=now,
        seen_version=seen_version,
        change=change,
        unit=mine.unit,
        result=result,
    )
    mine.resolved_at, mine.result = now, result
    session.flush()
    return case


def return_(
    session: Session,
    city: City,
    case_number: str,
    *,
    reason: str,
    unit: str | None = None,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """A unit gives back what is not its own: with a reason, and within two working days of the assignment."""
    case, mine = _mine(session, city, case_number, unit, "return", by)
    if not reason.strip():
        raise Refused(_("退回要写明理由"))
    if now > clocks.return_by(city, mine.assigned_at):
        days = city.clocks.return_within_workdays
        raise Refused(_("派单已过 {days} 个工作日，不能再退回；请班长协调", days=days))
    kind = clocks.class_of(city, matter=case.matter, priority=case.priority, kind=case.kind)
    change = {
        "unit": None,
        "accept_by": clocks.accept_by(city, kind, now),
    }  # now the line has to find another
    step, change = ("return", change) if mine.lead else ("co_return", {})
    move(
        session,
        case,
        step,
        by=by,
        now=now,
        seen_version=seen_version,
        change=change,
        unit=mine.unit,
        reason=reason,
    )
    mine.returned_at, mine.return_reason = now, reason
    session.flush()
    return case


def extend(
    session: Session,
    city: City,
    case_number: str,
    *,
    workdays: int,
    reason: str,
    approved_by: str,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """More time, counted from the present deadline: with a reason and a supervisor's approval."""
    case, mine = _mine(session, city, case_number, None, "extend", by)
    most = city.clocks.extend_workdays
    if not reason.strip():
        raise Refused(_("延期要写明理由"))
    if not 1 <= workdays <= most:
        raise Refused(_("一次延期为 1 至 {most} 个工作日", most=most))
    if case.due_at is None:
        raise Refused(_("工单 {number} 没有办理时限，不需延期", number=case_number))
    need_supervisor(session, city, approved_by)
    until = clocks.after_workdays(city, max(case.due_at, now), workdays)
    move(
        session,
        case,
        "extend",
        by=by,
        now=now,
        seen_version=seen_version,
        change={"due_at": until},
        unit=mine.unit,
        reason=reason,
        approved_by=approved_by,
        until=until.isoformat(),
    )
    mine.extended_to = until
    session.flush()
    return case


def _classified(city: City, case: Case, matter: str | None) -> dict[str, Any]:
    """What the matter makes of the case. A priority is only ever raised, a secret only ever kept."""
    change: dict[str, Any] = {
        "kind": case.kind,
        "priority": case.priority,
        "confidential": case.confidential,
    }
    if matter is None:
        return change
    known = city.matter(matter)
    change["kind"] = "police" if known.kind is MatterClass.POLICE else "civic"
    if case.priority == Priority.ORDINARY and known.kind is MatterClass.EMERGENCY:
        change["priority"] = Priority.EMERGENCY.value
    change["confidential"] = case.confidential or known.sensitive in _SECRET
    return change


def _assignment(number: str, unit: str, lead: bool, by: str, now: datetime) -> Assignment:
    return Assignment(
        id=uuid4(), case_number=number, unit=unit, lead=lead, assigned_at=now, assigned_by=by, result=""
    )


def _held(case: Case) -> list[Assignment]:
    return [item for item in case.assignments if item.returned_at is None and item.resolved_at is None]


def _mine(
    session: Session, city: City, number: str, unit: str | None, step: str, by: str
) -> tuple[Case, Assignment]:
    """The case and the assignment a unit acts under, itself or through a person; without a unit, the lead's."""
    case = find(session, number)
    wanted = city.unit(unit).id if unit else None
    for item in _held(case):
        if item.unit == wanted or (wanted is None and item.lead):
            need_unit_or_person(session, city, by, item.unit)
            return case, item
    check(case, step)
    if wanted:
        name = city.unit(wanted).name
        raise Refused(_("工单 {number} 不在{unit}手里", number=number, unit=name))
    raise Refused(_("工单 {number} 不在任何单位手里", number=number))
