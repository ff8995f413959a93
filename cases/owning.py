"""Who answers for a case at every moment (首问负责): hand over, claim, supervise, and the call back in person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from cases.change import find, move
from cases.people import need_operator, need_person, need_supervisor
from config.city.model import City
from config.errors import Refused
from config.language import _
from models.cases import Case


def hand_over(
    session: Session,
    city: City,
    case_number: str,
    *,
    to: str,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """Offers the case to another operator. The owner stays the owner until they accept by `claim`."""
    case = find(session, case_number)
    need_person(session, city, by)
    need_operator(session, city, to)
    if to == case.owner:
        raise Refused(_("工单 {number} 已经由“{owner}”负责", number=case_number, owner=to))
    if by != case.owner:
        need_supervisor(session, city, by)
    return move(
        session,
        case,
        "hand_over",
        by=by,
        now=now,
        seen_version=seen_version,
        change={"offered_to": to},
        offered_to=to,
    )


def claim(
    session: Session, city: City, case_number: str, *, by: str, now: datetime, seen_version: int | None = None
) -> Case:
    """Becomes the owner: of what was offered, or of what the duty supervisor still holds for all."""
    case = find(session, case_number)
    need_operator(session, city, by)
    if case.owner == by:
        raise Refused(_("工单 {number} 已经由“{owner}”负责", number=case_number, owner=by))
    if by not in (case.offered_to, city.supervisor.id) and case.owner != city.supervisor.id:
        raise Refused(_("工单 {number} 由“{owner}”负责，没有移交给您", number=case_number, owner=case.owner))
    return move(
        session,
        case,
        "claim",
        by=by,
        now=now,
        seen_version=seen_version,
        change={"owner": by, "offered_to": None},
        owner_was=case.owner,
        owner=by,
    )


def supervise(
    session: Session,
    city: City,
    case_number: str,
    *,
    reason: str,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """督办: the case is watched until it is closed."""
    case = find(session, case_number)
    need_person(session, city, by)
    if not reason.strip():
        raise Refused(_("督办要写明理由"))
    return move(
        session,
        case,
        "supervise",
        by=by,
        now=now,
        seen_version=seen_version,
        change={"supervised": True},
        reason=reason,
    )


def welfare_called(
    session: Session,
    city: City,
    case_number: str,
    *,
    reached: bool,
    note: str = "",
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """A person rang back a caller who was lost or silent; only reaching them takes the case off the list."""
    case = find(session, case_number)
    need_operator(session, city, by)
    if not case.welfare:
        raise Refused(_("工单 {number} 不在关怀回电名单上", number=case_number))
    change = {"welfare": False} if reached else {}
    return move(
        session,
        case,
        "welfare",
        by=by,
        now=now,
        seen_version=seen_version,
        change=change,
        reached=reached,
        note=note,
    )
