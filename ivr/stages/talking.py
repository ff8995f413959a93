"""A person speaks with the citizen."""

from __future__ import annotations

from ivr.converse import Next, stays
from ivr.house import House
from ivr.report import Report
from ivr.stages.waiting import resuming, waiting
from models import kinds
from telephony.call import Call
from telephony.leg import Leg

NO_MATTER_KEY = "*"
GRACE = 15.0  # s the citizen has, after the operator has hung up, to ask for a person again


async def talking(call: Call, report: Report, house: House, leg: Leg) -> Next | None:
    """Join them; the operator owns the case from now on. `*` on the operator's phone: no matter.

    Whom a line before this one has joined go on without a word of ours. A phone that fails, before or while they
    talk, is not a person's decision: another one is rung.
    """
    leg.on_key = lambda digit: _operator_key(report, leg, digit)
    announcement: list[str] = []
    if not call.is_with(leg):
        if not await call.join(leg):
            return resuming(report, house)
        joined(report, leg)
        seat = house.desk.seats.get(leg.seat)
        number = house.digits(seat.number) if seat is not None else []
        announcement = [*number, house.sound("serves")]
    ended_by = await call.talk(leg, *announcement)
    report.note(kinds.CALL_TALK_END, leg=leg.id, by=ended_by)
    if ended_by == "phone":
        return resuming(report, house)
    report.ended_by = ended_by
    return None if ended_by == "caller" or report.no_matter else Next(after_talk)


def joined(report: Report, leg: Leg) -> None:
    """They are together: the case is the operator's, and the call has begun to be served."""
    report.claimed(leg.seat)
    report.note(kinds.CALL_TALK, leg=leg.id, seat=leg.seat, operator=leg.seat)


def _operator_key(report: Report, leg: Leg, digit: str) -> None:
    report.note(kinds.CALL_KEY, leg=leg.id, digit=digit)
    if digit == NO_MATTER_KEY:
        report.no_matter = True


@stays(20.0)
async def after_talk(call: Call, report: Report, house: House) -> Next | None:
    """The operator has hung up: a person's decision, but the citizen may take it back with 0."""
    again = await call.ask(house.sound("after_talk"), keys="01", within=GRACE)
    if again is None:
        return None
    if again == "1":
        report.urgent("key")
    report.ended_by = "caller"
    house.desk.enter(report)
    return Next(waiting)
