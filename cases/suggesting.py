"""The catalogue's proposal, kept with the case: for a person to take or to leave."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from cases.change import find, node_of, stream
from cases.states import is_settled
from cases.suggest import Suggestion, suggest
from config.city.model import City
from models.event import happened
from models.kinds import CASE_SUGGESTED
from models.store.log import record
from models.words import CaseState, Priority


def note_suggestion(
    session: Session, city: City, case_number: str, text: str, *, now: datetime
) -> Suggestion | None:
    """Keeps the likeliest matter and unit for what was said; None when nothing was recognised.

    A matter of life that was recognised as written raises the priority of a case nobody has assigned yet; nothing
    lowers it. The case's version stays: a proposal is not a step. Raises `NotFound`.
    """
    case = find(session, case_number)
    ranked = suggest(text, city)
    if not ranked or is_settled(case.state):
        return None
    best = ranked[0]
    case.suggested_matter, case.suggested_unit = best.matter, best.unit
    raised = (
        best.emergency and best.sure and case.state == CaseState.OPEN and case.priority == Priority.ORDINARY
    )
    if raised:
        case.priority = Priority.EMERGENCY.value
        case.accept_by = case.due_at = None  # set again for the higher class
    record(
        session,
        happened(
            node_of(case_number),
            stream(case_number),
            CASE_SUGGESTED,
            at=now,
            matter=best.matter,
            unit=best.unit,
            co_units=list(best.co_units),
            score=best.score,
            keywords=list(best.keywords),
            raised=raised,
        ),
    )
    return best
