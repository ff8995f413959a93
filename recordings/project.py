"""Events of a call applied to its nouns: what happened is never refused when it can be applied sensibly.

Events of one call come in order from one spool, but after a crash some may be missing or found later (CDR,
CEL): a row that should be there is made from what the event tells, and a fact once known is not unsaid by a
later event that knows less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import kinds
from models.calls import Call, Leg, Recording
from models.event import Event, Json
from models.ids import is_callback, leg_of
from models.words import Direction, Priority

Projection = Callable[[Session, Event], None]

_RANK = {Priority.ORDINARY: 0, Priority.EMERGENCY: 1, Priority.POLICE: 2}


def call_id(event: Event) -> str:
    """The call an event is about. Raises `ValueError` when it names none."""
    subject, _, name = event.stream.partition(":")
    if subject == "call" and name:
        return name
    named = event.body.get("call")
    if isinstance(named, str) and named:
        return named
    raise ValueError(f"{event.kind} names no call")


def the_call(session: Session, event: Event) -> Call:
    """The call's row, made from the little an event tells when its start is not known (yet)."""
    name = call_id(event)
    call = session.get(Call, name)
    if call is None:
        out = is_callback(name)
        call = Call(
            id=name,
            node=event.node,
            direction=Direction.OUT if out else Direction.IN,
            number="",
            dialled="",
            started_at=event.at,
        )
        session.add(call)
        session.flush()  # its legs refer to it
    return call


def the_leg(session: Session, event: Event) -> Leg | None:
    """The leg named in the body; None for the citizen's own channel, which is the call itself."""
    name = event.body.get("leg")
    call = the_call(session, event)
    if not isinstance(name, str) or not name or name == call.id:
        return None
    leg = session.get(Leg, name)
    if leg is None:
        parts = leg_of(name)
        leg = Leg(
            id=name,
            call_id=call.id,
            role=event.body.get("role") or "operator",
            seat=event.body.get("seat") or (parts.seat if parts else None),
            started_at=event.at,
        )
        session.add(leg)
    return leg


def call_start(session: Session, event: Event) -> None:
    body = event.body
    call = the_call(session, event)
    call.node = event.node
    call.direction = body.get("direction") or call.direction
    out = call.direction == Direction.OUT
    call.dialled = _text(body, "dialled") or call.dialled
    call.number = (_text(body, "dialled") if out else _text(body, "caller")) or call.number
    call.trunk = _text(body, "trunk") or call.trunk
    call.notice = _text(body, "notice") or call.notice
    call.started_at = event.at
    _recorder_began(session, call.id, body)


def call_answered(session: Session, event: Event) -> None:
    call = the_call(session, event)
    if event.body.get("ms") is not None:
        call.answered_ms = round(event.body["ms"])
    _recorder_began(session, call.id, event.body)  # ours are recorded from the answer on


def call_stage(session: Session, event: Event) -> None:
    the_call(session, event).stage = _text(event.body, "stage")


def call_priority(session: Session, event: Event) -> None:
    """Raises the priority; nothing lowers it (DESIGN 1)."""
    call = the_call(session, event)
    asked = Priority(event.body["priority"])
    if _RANK[asked] > _RANK[Priority(call.priority or Priority.ORDINARY)]:
        call.priority = asked


def leg_start(session: Session, event: Event) -> None:
    leg = the_leg(session, event)
    if leg is None:
        return
    leg.role = _text(event.body, "role") or leg.role
    leg.seat = _text(event.body, "seat") or leg.seat
    leg.started_at = event.at
    _recorder_began(session, leg.id, event.body)


def leg_answer(session: Session, event: Event) -> None:
    leg = the_leg(session, event)
    if leg is not None:
        leg.answered_at = event.at
        _recorder_began(session, leg.id, event.body)


def leg_end(session: Session, event: Event) -> None:
    leg = the_leg(session, event)
    if leg is not None:
        leg.ended_at = event.at
        leg.how = event.body.get("how") or leg.how
        leg.cause = event.body.get("cause", leg.cause)


def talk(session: Session, event: Event) -> None:
    """A person and the citizen are joined: the first one took the call."""
    call = the_call(session, event)
    leg = the_leg(session, event)
    if leg is not None:
        leg.joined_at = leg.joined_at or event.at
        leg.answered_at = leg.answered_at or event.at
    call.talk_at = call.talk_at or event.at
    call.operator = call.operator or event.body.get("operator") or event.body.get("seat")


def talk_end(session: Session, event: Event) -> None:
    """Nothing of its own to keep, but the leg it names did speak, whatever else is missing."""
    leg = the_leg(session, event)
    if leg is not None:
        leg.joined_at = leg.joined_at or event.at


def call_end(session: Session, event: Event) -> None:
    """The end as first told: an end found afterwards in the CDR fills gaps only."""
    body = event.body
    call = the_call(session, event)
    call.ended_at = call.ended_at or event.at
    call.disposition = call.disposition or body.get("disposition")
    call.ended_by = call.ended_by or body.get("by")
    call.seconds = call.seconds if call.seconds is not None else body.get("seconds")
    call.cause = call.cause if call.cause is not None else body.get("cause")


def case_opened(session: Session, event: Event) -> None:
    """The call's side of a new case (the case's own row is made by `cases.project`)."""
    if event.body.get("call"):
        call = the_call(session, _about_call(event))
        call.case_number = event.body["number"]


def recorder_at(body: Mapping[str, Json]) -> datetime | None:
    """When the dialplan started the recorder (`recorder_at`, ISO 8601), where the line passed it on."""
    told = body.get("recorder_at")
    if not isinstance(told, str) or not told:
        return None
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _recorder_began(session: Session, channel: str, body: Mapping[str, Json]) -> None:
    """A recording sealed before this event was known gets its true beginning."""
    at = recorder_at(body)
    if at is None:
        return
    recording = session.scalars(select(Recording).where(Recording.channel == channel)).one_or_none()
    if recording is not None:
        recording.starts_at = at


def _about_call(event: Event) -> Event:
    return Event(
        id=event.id,
        at=event.at,
        node=event.node,
        stream=f"call:{event.body['call']}",
        kind=event.kind,
        body=event.body,
    )


def _text(body: Mapping[str, Json], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


PROJECTIONS: dict[str, Projection] = {
    kinds.CALL_START: call_start,
    kinds.CALL_ANSWERED: call_answered,
    kinds.CALL_STAGE: call_stage,
    kinds.CALL_PRIORITY: call_priority,
    kinds.LEG_START: leg_start,
    kinds.LEG_ANSWER: leg_answer,
    kinds.LEG_END: leg_end,
    kinds.CALL_TALK: talk,
    kinds.CALL_TALK_END: talk_end,
    kinds.CALL_END: call_end,
    kinds.CASE_OPENED: case_opened,
}
