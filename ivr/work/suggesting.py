"""After the transcript: which matter and which unit, for a person to accept or change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from cases.suggesting import note_suggestion
from config.city.model import City
from models.calls import Call
from models.cases import Case
from models.store.errors import classify
from models.words import Direction
from speech import rules
from speech.api import Spoken

log = structlog.get_logger()


def suggest_for(
    session: Session, city: City, call_id: str, said: Sequence[Spoken], *, now: datetime
) -> str | None:
    """Has the case that a citizen's call opened given its likeliest matter and unit, in this transaction.

    Returns the case's number, None when there is no such case or nothing to suggest. A fault of the suggestion does
    not cost the transcript; what the store raises passes.
    """
    call = session.get(Call, call_id)
    if call is None or call.direction != Direction.IN or not call.case_number:
        return None
    case = session.get(Case, call.case_number)
    if case is None or case.call_id != call_id:
        return None  # the call concerns a case that another call told about
    try:
        with session.begin_nested():
            for text in texts(said):
                if note_suggestion(session, city, case.number, text, now=now):
                    return case.number
    except Exception as error:
        if classify(error) is not None:
            raise
        log.exception("no_suggestion", case=call.case_number)
    return None


def texts(said: Sequence[Spoken]) -> Iterator[str]:
    """The citizen's words; then both sides'; last also the words that were not understood well.

    The mark of a voice that gave no words says nothing about the matter.
    """
    said = [spoken for spoken in said if spoken.text != rules.UNHEARD]
    certain = [spoken for spoken in said if not spoken.uncertain]
    citizen = [spoken for spoken in certain if spoken.channel == "citizen"]
    for part in (citizen, certain, said):
        if part:
            yield "。".join(spoken.text for spoken in part)
