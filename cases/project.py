"""What a call says about its case, applied to the case: never refused for what a person did meanwhile.

A case is opened while the call is still up, so its facts are marked again as they change; what a person has taken in
hand since is theirs. Clocks are the city's and are set by `cases.escalate`.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from sqlalchemy.orm import Session

from cases.change import move
from cases.states import allows, is_settled
from models import kinds
from models.cases import Case
from models.event import Event, Json
from models.words import CaseState, Ground, Priority

log = structlog.get_logger()

Projection = Callable[[Session, Event], None]

UNTOUCHED = 1  # version of a case that no person has stepped on


def case_opened(session: Session, event: Event) -> None:
    """Raises `KeyError` for a body without number, code or call: such an event cannot be applied."""
    body = event.body
    if session.get(Case, body["number"]) is not None:
        return
    phone = body.get("phone") or ""
    case = Case(
        number=body["number"],
        code=body["code"],
        phone=phone,
        callback_phone=body.get("callback_phone") or phone,
        call_id=body["call"],
        opened_at=event.at,
        version=UNTOUCHED,
        state=CaseState.OPEN.value,
        kind=body.get("kind") or "civic",
        priority=_priority(body.get("priority")),
        owner=body.get("owner") or "duty",
        welfare=bool(body.get("welfare")),
        summary=body.get("summary") or "",
        place=body.get("place") or "",
    )
    session.add(case)
    session.flush()
    _no_matter(session, case, event)


def case_marked(session: Session, event: Event) -> None:
    """The facts as they stand now. Priority only rises; owner, kind and welfare yield to a person's steps."""
    body = event.body
    number = event.stream.removeprefix("case:")
    case = session.get(Case, number)
    if case is None:
        raise LookupError(f"no case {number}")
    case.callback_phone = body.get("callback_phone") or case.callback_phone
    for name in ("summary", "place"):
        setattr(case, name, body.get(name) or getattr(case, name))
    asked = _priority(body.get("priority"))
    if _RANK[asked] > _RANK[case.priority]:
        case.priority = asked
        if not is_settled(case.state):
            case.accept_by = case.due_at = None  # set again for the higher class
    if case.version != UNTOUCHED:
        log.info("case_already_in_hand", case=number)
        return
    case.owner = body.get("owner") or case.owner
    case.kind = body.get("kind") or case.kind
    case.welfare = bool(body.get("welfare", case.welfare))
    session.flush()
    _no_matter(session, case, event)


def _no_matter(session: Session, case: Case, event: Event) -> None:
    """An operator's key on the call said that nothing is asked for: that is a person's decision (ground e)."""
    if case.kind == "no_matter" and not case.welfare and allows(case.state, "no_matter"):
        change = {"ground": Ground.NO_MATTER.value, "closed_at": event.at, "accept_by": None}
        move(
            session,
            case,
            "no_matter",
            by=case.owner,
            now=event.at,
            change=change,
            ground=Ground.NO_MATTER.value,
        )


_RANK: dict[str, int] = {Priority.ORDINARY: 0, Priority.EMERGENCY: 1, Priority.POLICE: 2}


def _priority(value: Json) -> str:
    """A priority we do not know is not a reason to lose the case."""
    return value if value in _RANK else Priority.ORDINARY.value


PROJECTIONS: dict[str, Projection] = {kinds.CASE_OPENED: case_opened, kinds.CASE_MARKED: case_marked}
