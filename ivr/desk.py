"""The desk: which seats ring for which citizen. One synchronous object in the line's loop, sole owner of the
ringing seats (DESIGN 4.2).

A seat is free when Asterisk itself says NOT_INUSE and we do not ring it. Emergencies come first and ring all free
seats together; ordinary calls ring the seat that has been idle longest, one more every `widen_every` seconds.
The first phone picked up wins; the others stop at once. Nobody is ever dropped from the desk but by leaving.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog

from ivr.house import House
from ivr.report import Report, recorder_time
from models import kinds
from models.ids import leg_id
from models.words import Priority
from telephony.leg import Ending, Leg
from telephony.turns import PersonReady, PersonWanted

log = structlog.get_logger()

PASSED_OVER_FOR = 10.0  # s: a phone that was busy, rejected or did not answer is not rung again at once


@dataclass
class Seat:
    """A telephone account and the person at it. `idle_since` is monotonic seconds."""

    id: str
    number: str  # 工号
    state: str = "UNKNOWN"  # Asterisk's device state
    ringing_for: Waiting | None = None
    idle_since: float = 0.0

    @property
    def free(self) -> bool:
        return self.state == "NOT_INUSE" and self.ringing_for is None


@dataclass
class Waiting:
    """A citizen at the desk."""

    report: Report
    since: float
    won: asyncio.Future[Leg]
    all_seats: bool = False  # 0 was pressed, or an emergency
    ringing: dict[str, Leg] = field(default_factory=dict)
    passed_over: dict[str, float] = field(default_factory=dict)  # seat: until (monotonic s)
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
        self._rings: set[asyncio.Task[None]] = set()
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
        if seat is None or seat.state == state:
            return
        seat.state = state
        if state == "NOT_INUSE":
            seat.idle_since = time.monotonic()
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

    def leave(self, report: Report) -> None:
        """Stop ringing for this call, and let go of who answered. Leaving twice is leaving."""
        waiting = self._waiting.pop(report.call.id, None)
        if waiting is None:
            return
        waiting.left = True
        for leg in list(waiting.ringing.values()):
            self._later(leg.hang_up())
        self.assign()

    def hurry(self, report: Report, *, emergency: bool = False) -> None:
        """1: an emergency. 0: a person. Both ring every free seat; the dialogue hears of it too."""
        waiting = self._waiting.get(report.call.id)
        if emergency:
            report.urgent("key")
        if waiting is None or waiting.over:
            return  # a person is with them already
        waiting.all_seats = True
        report.call.interrupt(PersonWanted())
        self.assign()

    # Ringing --------------------------------------------------------------------------------------------

    async def widen(self) -> None:
        """Look again as time passes: ordinary calls ring one more seat every few seconds. Runs until cancelled."""
        while True:
            await asyncio.sleep(0.25)
            self.assign()

    def assign(self) -> None:
        """Ring what should ring now, the most urgent first."""
        for waiting in sorted(self._waiting.values(), key=lambda w: (not w.urgent, w.since)):
            if waiting.over:
                continue
            if waiting.urgent and not waiting.ringing:
                self._take_from_ordinary()
            now = time.monotonic()
            free = [
                seat
                for seat in self.seats.values()
                if seat.free and waiting.passed_over.get(seat.id, 0) <= now
            ]
            free.sort(key=lambda seat: seat.idle_since)
            room = (
                len(free)
                if waiting.urgent or waiting.all_seats
                else self._width(waiting) - len(waiting.ringing)
            )
            for seat in free[: max(0, room)]:
                self._ring(waiting, seat)

    def _width(self, waiting: Waiting) -> int:
        return 1 + int((time.monotonic() - waiting.since) / self._house.settings.line.widen_every)

    def _take_from_ordinary(self) -> None:
        """No seat is free for an emergency: those ringing for ordinary calls are taken from them."""
        if any(seat.free for seat in self.seats.values()):
            return
        for seat in self.seats.values():
            other = seat.ringing_for
            if other is not None and not other.urgent and not other.over:
                leg = other.ringing.get(seat.id)
                if leg is not None:
                    self._later(leg.hang_up())

    def _ring(self, waiting: Waiting, seat: Seat) -> None:
        call = waiting.report.call
        attempt = self._served[call.id] = self._served.get(call.id, 0) + 1
        leg = Leg(leg_id(call.id, seat.id, attempt), seat.id, self._house.ari, self._house.router)
        seat.ringing_for = waiting
        waiting.ringing[seat.id] = leg
        self._later(self._follow(waiting, seat, leg))

    async def _follow(self, waiting: Waiting, seat: Seat, leg: Leg) -> None:
        """One phone, from its first ring to its end."""
        report = waiting.report
        report.note(kinds.LEG_START, leg=leg.id, role="operator", seat=seat.id)
        await leg.dial(
            f"PJSIP/{seat.id}",
            "ms-seat",
            ring_for=self._house.settings.line.seat_rings,
            caller=report.phone or "anonymous",
            variables={
                "MS_APP": self._house.app,
                "MS_CALL": report.call.id,
                "PJSIP_TRANSFER_HANDLING()": "ari-only",
            },
        )
        ends: list[asyncio.Future[Any]] = [leg.answered, leg.ended]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if leg.answered.done():
            report.note(kinds.LEG_ANSWER, leg=leg.id, recorder_at=recorder_time(leg.recorder_at))
            await self._answered(waiting, leg)
        ending = await leg.ended
        waiting.ringing.pop(seat.id, None)
        self._released(waiting, seat, ending)
        report.note(
            kinds.LEG_END, leg=leg.id, how=ending.how, cause=ending.cause, tech_cause=ending.tech_cause
        )
        self.assign()

    async def _answered(self, waiting: Waiting, leg: Leg) -> None:
        if waiting.over or not leg.alive:
            await leg.hang_up()  # another was first, or the citizen has gone
            return
        waiting.won.set_result(leg)
        waiting.report.call.interrupt(PersonReady(leg))
        for other in list(waiting.ringing.values()):
            if other is not leg:
                self._later(other.hang_up())

    def _released(self, waiting: Waiting, seat: Seat, ending: Ending) -> None:
        seat.ringing_for = None
        seat.idle_since = time.monotonic()
        if ending.how not in ("answered", "cancelled"):
            waiting.passed_over[seat.id] = time.monotonic() + PASSED_OVER_FOR

    def forget(self, call_id: str) -> None:
        """The call has ended: its leg counter is not needed any more."""
        self._served.pop(call_id, None)

    def _later(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._rings.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._rings.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("desk_fault", exc_info=task.exception())
