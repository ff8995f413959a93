"""How a case ends, and is taken up again: confirm, answer, close, no matter, merge, reopen.

Merging: a merged case is not settled. It closes when its own caller was answered: by a callback of its own once the
case it went into is resolved, or together with that one where both have the same caller.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import clocks
from cases.change import check, find, move
from cases.people import need_person, need_supervisor
from cases.states import is_settled
from config.city.model import City
from config.errors import Refused
from config.language import _
from models.calls import Call
from models.cases import Callback, Case
from models.words import CaseState, Ground

EXHAUSTED = "exhausted"  # Callback.why_person when every attempt was used up


def confirm(
    session: Session,
    city: City,
    case_number: str,
    *,
    note: str = "",
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """The citizen was reached and says it is solved: known from the callback, else what they told a person."""
    case = find(session, case_number)
    check(case, "confirm")
    need_person(session, city, by)
    if not _said_solved(case) and not note.strip():
        raise Refused(_("回访没有得到“已解决”的答复；由人确认时要写明市民怎么说的"))
    return move(session, case, "confirm", by=by, now=now, seen_version=seen_version, note=note)


def answer(
    session: Session,
    city: City,
    case_number: str,
    *,
    note: str,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """即办: settled on the recorded call itself, where the citizen said so to a person."""
    case = find(session, case_number)
    check(case, "answer")
    need_person(session, city, by)
    call = session.get(Call, case.call_id)
    if call is None or call.talk_at is None:
        raise Refused(_("即办须在与市民的通话中确认，而工单 {number} 的来电没有人接过", number=case_number))
    if not note.strip():
        raise Refused(_("即办要写明如何答复"))
    return move(session, case, "answer", by=by, now=now, seen_version=seen_version, note=note)


def close(
    session: Session,
    city: City,
    case_number: str,
    *,
    ground: Ground,
    note: str = "",
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """Files the case, on one of the grounds of DESIGN 5 and never without. Raises `Refused` where it is not given."""
    case = find(session, case_number)
    check(case, "close")
    need_person(session, city, by)
    _need_ground(session, city, case, ground, note, by)
    if case.welfare and ground is not Ground.SUPERVISOR_REASON:
        raise Refused(_("工单 {number} 还没有人给市民回过电，不能归档", number=case_number))
    return _file(session, case, "close", ground, note, by, now, seen_version)


def no_matter(
    session: Session,
    city: City,
    case_number: str,
    *,
    by: str,
    now: datetime,
    note: str = "",
    seen_version: int | None = None,
) -> Case:
    """Wrong number, prank, nothing asked for: only ever a person's key."""
    case = find(session, case_number)
    check(case, "no_matter")
    need_person(session, city, by)
    if case.welfare:
        raise Refused(_("工单 {number} 还没有人给市民回过电，不能归档", number=case_number))
    return _file(session, case, "no_matter", Ground.NO_MATTER, note, by, now, seen_version)


def merge(
    session: Session,
    city: City,
    case_number: str,
    *,
    into: str,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """Two calls about one thing: the work goes on in `into`, the caller of this one is still answered."""
    case, target = find(session, case_number), find(session, into)
    need_person(session, city, by)
    if into == case_number:
        raise Refused(_("工单不能并入自己"))
    if is_settled(target.state) or target.state == CaseState.MERGED:
        raise Refused(_("工单 {number} 已归档或已并单，不能再并入", number=into))
    if "police" in (case.kind, target.kind) and case.kind != target.kind:
        raise Refused(_("警情与民生诉求不能并单"))
    change = {"merged_into": into, "accept_by": None}
    moved = move(session, case, "merge", by=by, now=now, seen_version=seen_version, change=change, into=into)
    for item in case.assignments:
        if item.returned_at is None and item.resolved_at is None:
            item.returned_at, item.return_reason = now, _("并单")
    for other in session.scalars(select(Case).where(Case.merged_into == case_number)):
        other.merged_into, other.version = into, other.version + 1
    session.flush()
    return moved


def reopen(
    session: Session,
    city: City,
    case_number: str,
    *,
    reason: str,
    supervised: bool = False,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Case:
    """Not solved after all, or merged by mistake: the clock starts again, the last unit stays named."""
    case = find(session, case_number)
    need_person(session, city, by)
    if not reason.strip():
        raise Refused(_("重新办理要写明理由"))
    kind = clocks.class_of(city, matter=case.matter, priority=case.priority, kind=case.kind)
    return take_up_again(
        session,
        case,
        reason=reason,
        supervised=supervised,
        by=by,
        now=now,
        seen_version=seen_version,
        due_at=clocks.due_at(city, kind, now),
        accept_by=clocks.accept_by(city, kind, now),
    )


def take_up_again(
    session: Session,
    case: Case,
    *,
    reason: str,
    supervised: bool,
    by: str,
    now: datetime,
    seen_version: int | None = None,
    due_at: datetime | None = None,
    accept_by: datetime | None = None,
) -> Case:
    """`reopen` without the city: a callback's answer is applied so; the next tick sets the clocks."""
    change = {
        "ground": None,
        "ground_note": "",
        "closed_at": None,
        "resolved_at": None,
        "merged_into": None,
        "supervised": case.supervised or supervised,
        "due_at": due_at,
        "accept_by": accept_by,
    }
    return move(
        session,
        case,
        "reopen",
        by=by,
        now=now,
        seen_version=seen_version,
        change=change,
        reason=reason,
        supervised=supervised,
    )


def settle(session: Session, case: Case, *, by: str, now: datetime) -> Case:
    """The citizen answered our callback that it is solved: confirmed, and filed on that ground."""
    if case.state == CaseState.RESOLVED:
        move(session, case, "confirm", by=by, now=now)
    return _file(session, case, "close", Ground.CITIZEN_CONFIRMED, "", by, now, None)


def _need_ground(session: Session, city: City, case: Case, ground: Ground, note: str, by: str) -> None:
    state = CaseState(case.state)
    if ground is Ground.SUPERVISOR_REASON:
        need_supervisor(session, city, by)
        if not note.strip():
            raise Refused(_("班长归档要写明理由"))
    elif ground is Ground.EXHAUSTED_AND_DECIDED:
        if state not in (CaseState.RESOLVED, CaseState.MERGED) or not _exhausted(case):
            raise Refused(_("工单 {number} 的回访计划还没有用尽", number=case.number))
        if not note.strip():
            raise Refused(_("回访无果而归档，要写明决定的理由"))
    elif ground is Ground.CITIZEN_CONFIRMED:
        if state is not CaseState.CONFIRMED and not (state is CaseState.MERGED and _said_solved(case)):
            raise Refused(_("市民还没有确认工单 {number} 已解决", number=case.number))
    elif ground is Ground.CONFIRMED_ON_CALL:
        if state is not CaseState.ANSWERED:
            raise Refused(_("工单 {number} 不是即办件", number=case.number))
    elif ground is Ground.MERGED:
        target = session.get(Case, case.merged_into or "")
        if state is not CaseState.MERGED or target is None or not _answers(target, case):
            raise Refused(_("工单 {number} 的来电人还没有得到答复", number=case.number))
    else:
        raise Refused(_("“无诉求”须由接警员在待派单时认定"))


def _file(
    session: Session,
    case: Case,
    step: str,
    ground: Ground,
    note: str,
    by: str,
    now: datetime,
    seen_version: int | None,
) -> Case:
    change = {
        "ground": ground.value,
        "ground_note": note,
        "closed_at": now,
        "accept_by": None,
        "offered_to": None,
    }
    moved = move(
        session,
        case,
        step,
        by=by,
        now=now,
        seen_version=seen_version,
        change=change,
        ground=ground.value,
        note=note,
    )
    waiting = select(Case).where(Case.merged_into == case.number, Case.state == CaseState.MERGED.value)
    for other in session.scalars(waiting).all():
        if _answers(moved, other):
            _file(session, other, "close", Ground.MERGED, "", by, now, None)
    return moved


def _answers(target: Case, merged: Case) -> bool:
    """Whether the caller of `merged` was answered with `target`: the same number, and it said so itself."""
    confirmed = target.ground in (Ground.CITIZEN_CONFIRMED, Ground.CONFIRMED_ON_CALL)
    same = target.callback_phone == merged.callback_phone != ""
    return is_settled(target.state) and confirmed and same


def _exhausted(case: Case) -> bool:
    rounds = _rounds(case)
    return bool(rounds) and rounds[-1].state == "person" and rounds[-1].why_person == EXHAUSTED


def _said_solved(case: Case) -> bool:
    """Whether the callback about this resolution reached the citizen, who said it is solved."""
    rounds = _rounds(case)
    return bool(rounds) and rounds[-1].state == "done" and rounds[-1].solved is True


def _rounds(case: Case) -> list[Callback]:
    """Callbacks since the present resolution: an earlier answer says nothing about a later attempt at the work."""
    since = case.resolved_at
    return [item for item in case.callbacks if since is None or item.planned_at >= since]
