"""Back again: a line that starts takes over what lives, and one whose event link was away learns what it missed.

It listens already, and what happens meanwhile is replayed afterwards. Asterisk knows who is alive and who talks with
whom, the spool what was said, `MS_STATE` the stage where the spool's last moment did not reach the disk (DESIGN 3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog

from ivr.converse import Next
from ivr.dialogues.intake import TAKES, intake
from ivr.house import House
from ivr.orphans import destroy, orphans, sweep
from ivr.outbound import take_over as take_over_callback
from ivr.past import SPARE_LEGS, Past, pasts, rebuilt
from ivr.report import Report, dialable
from ivr.stages.answering import queue
from ivr.stages.silence import silence
from ivr.stages.talking import after_talk, joined, talking
from ivr.stages.waiting import waiting
from models import kinds
from models.event import Event
from models.ids import is_callback, leg_of
from telephony.ari._generated import models as ari
from telephony.ari.errors import AriError
from telephony.call import Call
from telephony.leg import Leg
from telephony.snapshot import Snapshot, snapshot

log = structlog.get_logger()

BEFORE = timedelta(
    minutes=1
)  # the first event of a call is spooled after its channel was made, by the same clock
APOLOGY = "apology"


class Hands(Protocol):
    """What of the line serves a call."""

    @property
    def reports(self) -> dict[str, Report]: ...

    def begin(self, work: Coroutine[Any, Any, Any]) -> None: ...

    async def serve(
        self, call: Call, report: Report, first: Next | None, *, at_desk: bool = True
    ) -> None: ...

    async def send_back(self, channel: ari.Channel) -> None: ...

    def take_again(self, channel: ari.Channel, report: Report) -> None: ...


@dataclass(frozen=True)
class Before:
    """What this line had in hand when the link came up: of anything later it hears itself."""

    residents: dict[str, list[str]]  # channel: what it waits for
    gone: frozenset[str]  # citizens who had left us

    @classmethod
    def now(cls, house: House, line: Hands) -> Before:
        residents = house.router.residents
        return cls(
            {channel: one.awaited for channel, one in residents.items() if one.settled},
            frozenset(channel for channel, report in line.reports.items() if report.call.gone.done()),
        )


async def catch_up(house: House, line: Hands, before: Before) -> None:
    """Once the link is up: what is known learns its ends, what is not known is taken over. Raises `AriError`."""
    seen = await snapshot(house.ari, house.app)
    _tell_residents(house, line, seen, before)
    strangers = [seen.channels[channel] for channel in sorted(seen.ours)]
    strangers = [one for one in strangers if not house.router.knows(one.id) or one.id in before.gone]
    legs = orphans(house, seen)
    callbacks = [one for one in seen.channels.values() if is_callback(one.id)]
    callbacks = [one for one in callbacks if not house.router.knows(one.id)]
    told = await _told(house, [*strangers, *callbacks, *legs])
    kept: set[str] = set(line.reports)
    for channel in strangers:
        if leg_of(channel.id) is None and not is_callback(channel.id):
            kept.add(channel.id)
            _guarded(line, channel, lambda one=channel: _citizen(house, line, seen, one, told))  # type: ignore[misc]
    for channel in callbacks:
        past = told.get(channel.id, Past())
        take_over_callback(house, line.begin, channel, past.events, answered=channel.id in seen.ours)
    sweep(house, line.begin, seen, told, kept, legs)


async def until_caught_up(house: House, line: Hands, before: Before) -> bool:
    """`catch_up`, again and again while Asterisk does not answer; False when the link went away meanwhile."""
    while house.ari.is_linked:
        try:
            await catch_up(house, line, before)
            return True
        except AriError as error:
            log.warning("adoption_again", error=str(error))
            await asyncio.sleep(0.5)
    return False


def _guarded(line: Hands, channel: ari.Channel, work: Callable[[], None]) -> None:
    """A fault about one call is that call's alone, and the dialplan has it."""
    try:
        work()
    except Exception:
        log.exception("adoption_fault", call=channel.id)
        line.begin(line.send_back(channel))


def _tell_residents(house: House, line: Hands, seen: Snapshot, before: Before) -> None:
    residents = house.router.residents
    for channel, awaited in before.residents.items():
        resident = residents.get(channel)
        if resident is not None:
            resident.missed(seen.channels.get(channel), channel in seen.ours)
            if awaited:
                line.begin(resident.catch_up(awaited))


async def _told(house: House, channels: list[ari.Channel]) -> dict[str, Past]:
    if not channels:
        return {}
    events: list[Event] = await house.spool.told_since(min(one.creationtime for one in channels) - BEFORE)
    return pasts(events)


# A citizen ----------------------------------------------------------------------------------------------


def _citizen(house: House, line: Hands, seen: Snapshot, channel: ari.Channel, told: dict[str, Past]) -> None:
    known = line.reports.get(channel.id)
    if known is not None:
        if known.call.gone.done() and not known.call.destroyed.done():
            line.take_again(
                channel, known
            )  # the dialplan had them, and its word that we have them again is lost
        return
    past = told.get(channel.id, Past())
    past.stage = past.stage or (channel.channelvars or {}).get("MS_STATE", "").partition(":")[0]
    call = Call(house.ari, house.router, channel.id, channel.id, dialable(channel.caller.number))
    try:
        report = rebuilt(house, call, channel, past)
        first, at_desk = _resume(house, seen, channel, report, past)
    except Exception:
        house.router.forget(channel.id)
        raise
    line.reports[channel.id] = report
    log.info("call_adopted", call=channel.id, stage=past.stage, to=first.stage.__name__ if first else "end")
    line.begin(_serve(house, line, seen, report, first, at_desk=at_desk))


def _resume(
    house: House, seen: Snapshot, channel: ari.Channel, report: Report, past: Past
) -> tuple[Next | None, bool]:
    """The stage that follows, and whether phones ring meanwhile. What has ended is told."""
    legs = _legs(house, seen, channel.id)
    person, bridge = _person(seen, channel, legs, past)
    done = (channel.channelvars or {}).get("MS_DONE") == "1"
    if done:
        person = None
    _tell_ended(report, past, {leg.id for leg in legs}, person)
    report.call.take_over(person, bridge)
    house.desk.take_over(report, legs, person, past.legs + SPARE_LEGS)
    if done:
        return None, False
    if person is not None:
        if person.id not in past.answered:
            report.note(kinds.LEG_ANSWER, leg=person.id)
        if bridge is not None and not (past.talking and past.talk == person.id):
            joined(report, person)
        return Next(talking, person), False
    first = following(past)
    return first, first.stage is not after_talk


def following(past: Past) -> Next:
    """The table of DESIGN 3 for one who talks with nobody. What we do not know is a wait for a person."""
    if past.stage == "intake":
        return Next(intake, APOLOGY)
    if past.stage == "silence":
        return Next(silence, Next(intake))
    if past.stage == "after_talk" and not past.talking:
        return Next(after_talk)
    if past.stage in ("waiting", "talking"):
        return Next(waiting, APOLOGY)
    return Next(queue, APOLOGY)


def _legs(house: House, seen: Snapshot, call: str) -> list[Leg]:
    """The phones that were rung for this call and still are, or talk."""
    living = []
    for channel in seen.channels.values():
        name = leg_of(channel.id)
        if name is not None and name.call == call and not house.router.knows(channel.id):
            answered = channel.id in seen.ours
            living.append(Leg.living(channel, name.seat, house.ari, house.router, answered=answered))
    return living


def _person(
    seen: Snapshot, channel: ari.Channel, legs: list[Leg], past: Past
) -> tuple[Leg | None, str | None]:
    """Who talks with the citizen, and in which bridge; or who has picked up and was not joined yet."""
    for bridge in seen.bridges_with(channel.id):
        for leg in legs:
            if leg.id in bridge.channels:
                return leg, bridge.id
    picked_up = [leg for leg in legs if leg.answered.done()]
    picked_up.sort(key=lambda leg: leg.id != past.talk)
    return (picked_up[0] if picked_up else None), None


def _tell_ended(report: Report, past: Past, living: set[str], person: Leg | None) -> None:
    """What ended while no line was there; how, nobody knows."""
    if past.talking and (person is None or person.id != past.talk):
        report.note(kinds.CALL_TALK_END, leg=past.talk, by="unknown")
    for leg in past.rung.keys() - living:
        how = "answered" if leg in past.answered else "cancelled"
        report.note(kinds.LEG_END, leg=leg, how=how, cause=0, tech_cause=0)


async def _serve(
    house: House, line: Hands, seen: Snapshot, report: Report, first: Next | None, *, at_desk: bool
) -> None:
    """Out of a bridge in which nobody is, and of a recording that nobody waits for; then on."""
    call = report.call
    for bridge in seen.bridges.values():
        of_this_call = bridge.id.rpartition(".")[0] == call.id or call.channel in bridge.channels
        if of_this_call and bridge.id != call.bridge:
            await destroy(house, bridge.id)
    state = (seen.channels[call.channel].channelvars or {}).get("MS_STATE", "")
    kind, _, question = state.partition(":")
    if kind == "intake" and question:
        for take in range(1, TAKES + 1):  # a channel that is recorded enters no bridge
            with suppress(AriError):
                await house.ari.recordings.stop(recordingName=f"{call.id}.{question}.{take}")
    await line.serve(call, report, first, at_desk=at_desk)
