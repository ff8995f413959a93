"""How a case changes: one step, compare-and-set on state and version, its event in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cases.states import STATES, STEPS, allows
from config.errors import NotFound, Refused
from config.language import _
from models.cases import Case
from models.event import Json, happened
from models.kinds import CASE_STEP
from models.store.log import events, record
from models.store.retry import swap
from models.words import CaseState


def find(session: Session, number: str) -> Case:
    """Raises `NotFound` for a number that no case has."""
    case = session.get(Case, number)
    if case is None:
        raise NotFound(_("没有工单 {number}", number=number))
    return case


def stream(number: str) -> str:
    return f"case:{number}"


def node_of(number: str) -> str:
    """The node that gave the number out (date-node-sequence)."""
    parts = number.split("-")
    return parts[1] if len(parts) == 3 else "store"


def check(case: Case, step: str) -> None:
    """Raises `Refused` when the state of the case does not allow the step."""
    if not allows(case.state, step):
        state, label = STATES[CaseState(case.state)].label, STEPS[step].label
        raise Refused(
            _("工单 {number} 现在是“{state}”，不能{step}", number=case.number, state=state, step=label)
        )


def move(
    session: Session,
    case: Case,
    step: str,
    *,
    by: str,
    now: datetime,
    seen_version: int | None = None,
    change: dict[str, Any] | None = None,
    **body: Json,
) -> Case:
    """Takes the step, sets `change` with it, and records `body` in its event.

    Raises `Refused` when the state does not allow the step, when nobody is named as taking it, or when the case is
    no longer as it was seen.
    """
    if not by:
        raise Refused(_("每一步都要写明由谁做"))
    if seen_version is not None and seen_version != case.version:
        raise _changed(case)
    check(case, step)
    before = case.state
    after = (STEPS[step].to or CaseState(before)).value
    seen = {"number": case.number, "state": before, "version": case.version}
    session.flush()
    if not swap(session, Case, seen, {**(change or {}), "state": after, "version": case.version + 1}):
        session.expire(case)
        raise _changed(case)
    said = {key: value for key, value in body.items() if value not in (None, "")}
    event = happened(
        node_of(case.number),
        stream(case.number),
        CASE_STEP,
        at=now,
        step=step,
        by=by,
        **{"from": before, "to": after, **said},
    )
    record(session, event)
    return case


def clock_start(session: Session, case: Case) -> datetime:
    """From when the citizen waits: the call, or the last time the case was taken up again."""
    steps = (event for event in events(session, stream(case.number)) if event.kind == CASE_STEP)
    again = [event.at for event in steps if event.body.get("step") == "reopen"]
    return again[-1] if again else case.opened_at


def _changed(case: Case) -> Refused:
    return Refused(_("工单 {number} 刚被别人改动，请看过再做", number=case.number))
