"""Calls that only Asterisk tells of: the line was not there, or did not live to tell their end (DESIGN 5).

Their events have ids that follow from the call, so whoever finds them, and however often, they are stored once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import kinds
from models.calls import Call
from models.event import NAMESPACE, Event, Json, found
from models.ids import is_callback
from models.log import LoggedEvent
from models.words import Disposition, Priority
from recordings.cel import Seen

LINE_HAS = timedelta(seconds=30)  # after the end, for the line to tell it itself


@dataclass(frozen=True, slots=True)
class Untold:
    """A citizen's call that ended, and what the store does not know of it."""

    seen: Seen
    ended: datetime
    start: bool
    end: bool
    case: bool
    spoke: bool


def untold(session: Session, calls: Iterable[Seen], now: datetime) -> list[Untold]:
    """Which of the calls ended without the store knowing their start, their end or their case."""
    over = [
        seen
        for seen in calls
        if seen.ended is not None and now - seen.ended >= LINE_HAS and not is_callback(seen.call)
    ]
    whole = _whole(session, [seen.call for seen in over])
    found_calls = []
    for seen in over:
        if seen.ended is None or seen.call in whole:
            continue
        call = session.get(Call, seen.call)
        told = set(session.scalars(select(LoggedEvent.kind).where(LoggedEvent.stream == f"call:{seen.call}")))
        one = Untold(
            seen,
            seen.ended,
            start=kinds.CALL_START not in told,
            end=kinds.CALL_END not in told,
            # Where the end is told, the line has opened the case before it: its event is on its way.
            case=kinds.CALL_END not in told and (call is None or call.case_number is None),
            spoke=seen.spoke or (call is not None and call.talk_at is not None),
        )
        if one.start or one.end or one.case:
            found_calls.append(one)
    return found_calls


def _whole(session: Session, names: list[str]) -> set[str]:
    """Calls of which nothing is missing."""
    whole: set[str] = set()
    for start in range(0, len(names), 500):  # SQLite takes a limited number of values in one query
        query = select(Call.id).where(
            Call.id.in_(names[start : start + 500]), Call.ended_at.is_not(None), Call.case_number.is_not(None)
        )
        whole.update(session.scalars(query))
    return whole


def tell(one: Untold, node: str, owner: str, name_case: Callable[[str], tuple[str, str]]) -> list[Event]:
    """The missing events, in order. `name_case`: a case number and a code for a telephone number."""
    seen, stream = one.seen, f"call:{one.seen.call}"
    events: list[Event] = []
    if one.start:
        start: dict[str, Json] = {"direction": "in", "caller": seen.caller, "dialled": seen.dialled}
        start |= {"trunk": seen.trunk, "found": "cel"}
        events.append(found(node, stream, kinds.CALL_START, 0, at=seen.at, **start))
    if one.case:
        events.append(_case(one, node, owner, name_case))
    if one.end:
        disposition = Disposition.ANSWERED if one.spoke and not one.start else Disposition.FALLBACK
        end: dict[str, Json] = {"disposition": disposition.value, "by": "caller", "cause": seen.cause}
        seconds = (one.ended - seen.answered).total_seconds() if seen.answered else 0.0
        events.append(
            found(
                node, stream, kinds.CALL_END, 0, at=one.ended, found="cel", seconds=round(seconds, 3), **end
            )
        )
    return events


def _case(one: Untold, node: str, owner: str, name_case: Callable[[str], tuple[str, str]]) -> Event:
    """Whom nobody spoke with must be called back by a person; else somebody has to listen to what was said."""
    phone = one.seen.caller
    number, code = name_case(phone)
    body: dict[str, Json] = {
        "number": number,
        "code": code,
        "call": one.seen.call,
        "phone": phone,
        "callback_phone": phone,
        "owner": owner,
        "priority": Priority.ORDINARY.value,
        "kind": "civic" if one.spoke else "abandoned",
        "welfare": not one.spoke,
        "found": "cel",
    }
    name = uuid5(NAMESPACE, f"call:{one.seen.call} {kinds.CASE_OPENED}")
    return Event(id=name, at=one.ended, node=node, stream=f"case:{number}", kind=kinds.CASE_OPENED, body=body)
