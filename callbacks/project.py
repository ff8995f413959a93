"""What an attempt to ring a citizen came to, applied to the attempt, its round and the case.

It happened, so it is never refused for what the case has become meanwhile: then the answer is kept, and the case stays
as a person left it.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from callbacks.facts import drop_planned, waits
from callbacks.policy import Why
from cases.change import node_of, stream
from cases.settling import settle, take_up_again
from config.language import _
from models import kinds
from models.cases import Attempt, Callback, Case
from models.event import Event, Json, happened
from models.store.log import record
from models.words import AttemptState, CaseState, Outcome

log = structlog.get_logger()

Projection = Callable[[Session, Event], None]

BY = "callback"  # who takes the steps that a citizen's answer causes


def attempt_dialling(session: Session, event: Event) -> None:
    """From here on the number may be ringing. Raises `LookupError` for an attempt that was never planned."""
    attempt = _attempt(session, event)
    attempt.dialled_at = attempt.dialled_at or event.at
    if attempt.state == AttemptState.LEASED:
        attempt.state = AttemptState.DIALLING.value


def attempt_outcome(session: Session, event: Event) -> None:
    """The end of an attempt; the first that is known stands. Raises `LookupError` like `attempt_dialling`."""
    attempt = _attempt(session, event)
    body = event.body
    outcome = _outcome(body.get("outcome"))
    if attempt.state == AttemptState.DONE and (
        attempt.outcome != Outcome.UNKNOWN or outcome is Outcome.UNKNOWN
    ):
        log.warning("attempt_ended_twice", attempt=str(attempt.id))
        return
    attempt.state, attempt.outcome, attempt.ended_at = AttemptState.DONE.value, outcome.value, event.at
    attempt.call_id = body.get("call") or attempt.call_id
    attempt.answers = {
        name: body[name]
        for name in ("contacted", "solved", "satisfied", "wants_person")
        if body.get(name) is not None
    }
    session.flush()
    callback = session.get_one(Callback, attempt.callback_id)
    if callback.state != "open":
        log.warning("answer_to_a_closed_round", attempt=str(attempt.id))
        return
    if outcome is Outcome.COMPLETED and isinstance(body.get("solved"), bool):
        _answered(session, callback, event)
    elif outcome is Outcome.REFUSED or body.get("wants_person"):
        _to_person(session, callback, Why.WANTS_PERSON if body.get("wants_person") else Why.REFUSED, event)


def _answered(session: Session, callback: Callback, event: Event) -> None:
    body = event.body
    stands = waits(session, callback)
    callback.contacted, callback.solved = _yes(body.get("contacted")), _yes(body.get("solved"))
    callback.satisfied = _yes(body.get("satisfied"))
    callback.disposition = Outcome.COMPLETED.value
    callback.done_at = event.at
    callback.state = "done"
    drop_planned(session, callback)
    case = session.get_one(Case, callback.case_number)
    content = callback.solved is True and callback.satisfied is not False
    if not content:
        taken = stands and _again(session, case, callback, event)
        if not taken:
            _to_person(session, callback, Why.CHANGED, event)
    elif body.get("wants_person"):
        _to_person(session, callback, Why.WANTS_PERSON, event)
    elif stands:
        settle(session, case, by=BY, now=event.at)


def _again(session: Session, case: Case, callback: Callback, event: Event) -> bool:
    """Unsolved, or solved badly: taken up again and supervised; of a merged case, the one it went into."""
    work = session.get_one(Case, case.merged_into) if case.state == CaseState.MERGED else case
    if work.state not in (CaseState.RESOLVED, CaseState.CONFIRMED, CaseState.CLOSED):
        return False
    reason = _("市民回访：未解决") if callback.solved is False else _("市民回访：已解决但不满意")
    take_up_again(session, work, reason=reason, supervised=True, by=BY, now=event.at)
    return True


def _to_person(session: Session, callback: Callback, why: Why, event: Event) -> None:
    callback.state, callback.why_person = "person", why.value
    session.flush()
    number = callback.case_number
    record(
        session,
        happened(
            node_of(number),
            stream(number),
            kinds.CALLBACK_TO_PERSON,
            at=event.at,
            case=number,
            callback=str(callback.id),
            why=why.value,
        ),
    )


def _attempt(session: Session, event: Event) -> Attempt:
    named = event.body.get("attempt") or event.stream.removeprefix("attempt:")
    attempt = session.get(Attempt, UUID(str(named)))
    if attempt is None:
        raise LookupError(f"no attempt {named}")
    return attempt


def _outcome(value: Json) -> Outcome:
    """An outcome we do not know counts as rung: the citizen's phone may have been."""
    return Outcome(value) if value in list(Outcome) else Outcome.UNKNOWN


def _yes(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


PROJECTIONS: dict[str, Projection] = {
    kinds.ATTEMPT_DIALLING: attempt_dialling,
    kinds.ATTEMPT_OUTCOME: attempt_outcome,
}
