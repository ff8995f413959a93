"""The desk: which seats ring for which citizen. One synchronous object in the line's loop, sole owner of the
ringing seats (DESIGN 4.2).

A seat is free when Asterisk itself says NOT_INUSE and we do not ring it. Emergencies come first and ring all seats
together, also those that ring for ordinary calls; ordinary calls ring the seat that has been idle longest, one more
every `widen_every` seconds. The first phone picked up wins; the others stop at once. Nobody is ever dropped from the
desk but by leaving.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog

from ivr.house import House
from ivr.report import Report, clock, recorder_time
from models import kinds
from models.ids import leg_id
from models.words import Priority
from telephony.leg import Ending, Leg
from telephony.turns import PersonReady, PersonWanted

log = structlog.get_logger()

PASSED_OVER_FOR = 10.0  # s: a phone that was busy, rejected or did not answer is not rung again at once
BREATH = 0.3  # s between two calls of a seat; one whose operator's phone failed is back at the desk by then
WIDEN_LOOK = 0.25  # s between two looks


@dataclass
class Seat:
    """A telephone account and the person at it. `idle_since` is the loop's time, in seconds."""

    id: str
    number: str  # 工号
    state: str = "UNKNOWN"  # Asterisk's device state
    ringing_for: Waiting | None = None
    idle_since: float = 0.0
    rung_by_us: bool = False  # the next NOT_INUSE only ends our own ringing
    told: int = 0  # how often a state was told

    @property
    def free(self) -> bool:
        return self.state == "NOT_INUSE" and self.ringing_for is None

    def now_is(self, state: str) -> None:
        self.state = state
        if state != "NOT_INUSE":
            self.rung_by_us = self.ringing_for is not None
        elif self.rung_by_us:
            self.rung_by_us = False  # who was merely beaten to it keeps their place
        else:
            self.idle_since = clock()


@dataclass
class Waiting:
    """A citizen at the desk."""

    report: Report
    since: float
    won: asyncio.Future[Leg]
    all_seats: bool = False  # 0 was pressed
    ringing: dict[str, Leg] = field(default_factory=dict)
    passed_over: dict[str, float] = field(default_factory=dict)  # seat: until (the loop's time)
    left: bool = False

    @property
    def urgent(self) -> bool:
        return self.report.priority is not Priority.ORDINARY

    @property
    def over(self) -> bool:
        return self.left or self.won.done()


class Desk:
    def __init__(self, house: House) -> None:
        self._house = house
        self._waiting: dict[str, Waiting] = {}  # by call id
        self._work: set[asyncio.Task[None]] = set()
        self._served: dict[str, int] = {}  # call id: legs made, so that an id is used once
        self.seats: dict[str, Seat] = {}

    # What Asterisk and the duty list say ----------------------------------------------------------------

    def staff(self, seats: Iterable[tuple[str, str]]) -> None:
        """The seats that exist (account, operator's number); those that went are forgotten once idle."""
        wanted = dict(seats)
        for identity, number in wanted.items():
            self.seats.setdefault(identity, Seat(identity, number)).number = number
        for identity in [i for i, seat in self.seats.items() if i not in wanted and seat.ringing_for is None]:
            del self.seats[identity]

    def seat_state(self, identity: str, state: str) -> None:
        """A device state; repeated ones change nothing."""
        seat = self.seats.get(identity)
        if seat is not None:
            seat.told += 1
        if seat is None or seat.state == state:
            return
        seat.now_is(state)
        self._house.note(f"seat:{identity}", kinds.SEAT_STATE, state=state)
        self.assign()

    # Citizens -------------------------------------------------------------------------------------------

    def enter(self, report: Report) -> None:
        """Begin to ring for this call; `PersonReady` breaks into its dialogue when somebody answers."""
        before = self._waiting.get(report.call.id)
        if before is None or before.over:
            won: asyncio.Future[Leg] = asyncio.get_running_loop().create_future()
            self._waiting[report.call.id] = Waiting(report, report.arrived, won)
        self.assign()

    def take_over(self, report: Report, legs: Iterable[Leg], person: Leg | None, served: int) -> None:
        """A call that an earlier line served, with the phones it rang: `person` talks with them, others stop.

        `served` numbers of legs are used up. Their ends are told here, as of those that we dial.
        """
        self._served[report.call.id] = served
        won: asyncio.Future[Leg] = asyncio.get_running_loop().create_future()
        waiting = Waiting(report, report.arrived, won)
        if person is not None:
            won.set_result(person)
            self._waiting[report.call.id] = waiting
        for leg in legs:
            seat = self.seats.get(leg.seat, Seat(leg.seat, ""))
            seat.ringing_for = waiting
            waiting.ringing[seat.id] = leg
            self._later(self._follow(waiting, seat, leg, dialled=True))
            if leg is not person:
                self._dismiss(leg)

    def leave(self, report: Report) -> list[asyncio.Future[Ending]]:
        """Stop ringing for this call, and let go of who answered. Leaving twice is leaving.

        Returns the ends of the phones that still ring: until then Asterisk calls them busy.
        """
        waiting = self._waiting.pop(report.call.id, None)
        if waiting is None:
            return []
        waiting.left = True
        legs = list(waiting.ringing.values())
        for leg in legs:
            self._dismiss(leg)
        self.assign()
        return [leg.ended for leg in legs]

    def hurry(self, report: Report, *, emergency: bool = False) -> None:
        """1: an emergency. 0: a person. Both ring every free seat; the dialogue hears of it too."""
        waiting = self._waiting.get(report.call.id)
        if waiting is not None and waiting.won.done():
            return  # a person is with them already, and decides
        if emergency:
            report.urgent("key")
        if waiting is None:
            return  # the dialplan has them
        waiting.all_seats = True
        report.call.interrupt(PersonWanted())
        self.assign()

    def forget(self, call_id: str) -> None:
        """The call has ended: its leg counter is not needed any more."""
        self._served.pop(call_id, None)

    # Ringing --------------------------------------------------------------------------------------------

    async def widen(self) -> None:
        """Look again as time passes: ordinary calls ring one more seat every few seconds. Runs until cancelled."""
        while True:
            await asyncio.sleep(WIDEN_LOOK)
            self.assign()

    def assign(self) -> None:
        """Ring what should ring now, the most urgent first, then who has waited longest."""
        for waiting in sorted(self._waiting.values(), key=lambda w: (not w.urgent, w.since)):
            if waiting.over:
                continue
            if waiting.urgent:
                self._take_from_ordinary(waiting)
            free = self._free_for(waiting)
            room = len(free) if waiting.urgent or waiting.all_seats else self._room(waiting)
            for seat in free[: max(0, room)]:
                self._ring(waiting, seat)

    def _free_for(self, waiting: Waiting) -> list[Seat]:
        """The longest idle first; never the phone that this very call comes from."""
        now, own = clock(), waiting.report.trunk
        free = [seat for seat in self.seats.values() if seat.free and seat.id != own]
        free = [seat for seat in free if waiting.passed_over.get(seat.id, 0.0) <= now]
        return sorted(free, key=lambda seat: seat.idle_since)

    def _room(self, waiting: Waiting) -> int:
        """How many more phones may ring for an ordinary call. One that went away while it rang does not count."""
        width = 1 + int((clock() - waiting.since) / self._house.settings.line.widen_every)
        return width - sum(
            1 for seat in waiting.ringing if seat in self.seats and self.seats[seat].state != "UNAVAILABLE"
        )

    def _take_from_ordinary(self, waiting: Waiting) -> None:
        """What rings for an ordinary call rings for this one, unless it was passed over for it just now."""
        for other in self._waiting.values():
            if not other.urgent and not other.over:
                for seat, leg in other.ringing.items():
                    if waiting.passed_over.get(seat, 0.0) <= clock():
                        self._dismiss(leg)

    def _ring(self, waiting: Waiting, seat: Seat) -> None:
        call = waiting.report.call
        attempt = self._served[call.id] = self._served.get(call.id, 0) + 1
        leg = Leg(leg_id(call.id, seat.id, attempt), seat.id, self._house.ari, self._house.router)
        seat.ringing_for = waiting
        waiting.ringing[seat.id] = leg
        self._later(self._follow(waiting, seat, leg))

    async def _follow(self, waiting: Waiting, seat: Seat, leg: Leg, *, dialled: bool = False) -> None:
        """One phone, from its first ring to its end. Whatever goes wrong, its seat is free again."""
        ending = Ending("refused_by_us")
        try:
            if not dialled:
                await self._dial(waiting.report, leg)
            if await leg.answer():
                self._answered(waiting, leg)
            ending = await leg.over()
            if ending.how == "answered":
                await asyncio.sleep(BREATH)
        except Exception:
            log.exception("leg_fault", leg=leg.id)
            await leg.hang_up()
        self._released(waiting, seat, ending)
        waiting.report.note(
            kinds.LEG_END, leg=leg.id, how=ending.how, cause=ending.cause, tech_cause=ending.tech_cause
        )
        self.assign()

    async def _dial(self, report: Report, leg: Leg) -> None:
        report.note(kinds.LEG_START, leg=leg.id, role="operator", seat=leg.seat)
        await leg.dial(
            f"PJSIP/{leg.seat}",
            "ms-seat",
            ring_for=self._house.settings.line.seat_rings,
            caller=report.phone or "anonymous",
            variables={
                "MS_APP": self._house.app,
                "MS_CALL": report.call.id,
                "PJSIP_TRANSFER_HANDLING()": "ari-only",
            },
        )

    def _answered(self, waiting: Waiting, leg: Leg) -> None:
        if waiting.won.done() and waiting.won.result() is leg:
            return  # an earlier line has told it
        waiting.report.note(kinds.LEG_ANSWER, leg=leg.id, recorder_at=recorder_time(leg.recorder_at))
        if waiting.over or leg.dismissed or not leg.alive:
            self._dismiss(leg)  # another was first, or the citizen has gone
            return
        waiting.won.set_result(leg)
        waiting.report.call.interrupt(PersonReady(leg))
        for other in waiting.ringing.values():
            if other is not leg:
                self._dismiss(other)

    def _released(self, waiting: Waiting, seat: Seat, ending: Ending) -> None:
        waiting.ringing.pop(seat.id, None)
        seat.ringing_for = None
        if ending.how == "cancelled":
            return
        seat.idle_since = clock()
        if ending.how != "answered" and ending.seen:  # one that we did not see end may have picked up
            waiting.passed_over[seat.id] = clock() + PASSED_OVER_FOR

    def _dismiss(self, leg: Leg) -> None:
        if not leg.dismissed:
            leg.dismissed = True
            self._later(leg.hang_up())

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("desk_fault", exc_info=task.exception())
