"""Who sits at the telephones: read from the store every so often, told to the desk and to Asterisk.

The fallback rings the seats in Asterisk's global `MS_SEATS`, so that a new seat is rung without the line too.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.house import House
from models.cases import Operator
from models.ids import is_seat
from telephony.ari.errors import AriError

log = structlog.get_logger()

READ_EVERY = 10.0  # s

Seats = list[tuple[str, str]]  # account, number of the operator


def staff_list(session: Session) -> Seats:
    rows = session.execute(select(Operator.id, Operator.number).where(Operator.active).order_by(Operator.id))
    return [(row.id, row.number) for row in rows if is_seat(row.id)]


class Staff:
    """`known`: the seats of the last start, which serve while the store is away."""

    def __init__(self, house: House, known: list[str]) -> None:
        self._house = house
        self._seats: Seats = [(seat, "") for seat in known if is_seat(seat)]
        self._subscribed: set[str] = set()
        self._missing: set[str] = set()  # refused, and that was said
        self._named: str | None = None  # MS_SEATS as Asterisk has it
        house.desk.staff(self._seats)

    async def keep(self) -> None:
        """Look every so often, until cancelled."""
        house = self._house
        while True:
            await self.read()
            if house.ari.is_linked:
                await self.tell()
            house.spool.expect(datetime.now(ZoneInfo(house.settings.timezone)).date())
            await asyncio.sleep(READ_EVERY)

    async def read(self) -> None:
        """The seats by the store. One that is away changes nothing."""
        self._seats = await self._house.lookup.ask(staff_list, self._seats)
        self._house.desk.staff(self._seats)

    async def linked(self) -> None:
        """The link is there (again): Asterisk may be another one, and events were lost."""
        self._subscribed.clear()
        self._named = None
        await self.tell()

    async def tell(self) -> None:
        """Subscribe to each seat and trunk, ask how new seats stand, and name them to the fallback.

        A seat that seems to be away is asked for each time: were one event lost, its phone would never ring again.
        What Asterisk refuses is tried again with the next look: an account is added to the store first.
        """
        house = self._house
        names = [seat for seat, _ in self._seats]
        for name in names:
            await self._subscribe(f"endpoint:PJSIP/{name}")
            if await self._subscribe(f"deviceState:PJSIP/{name}") or self._seems_away(name):
                await self._ask(name)
        for name in [*house.settings.trunks, "anonymous"]:
            await self._subscribe(f"endpoint:PJSIP/{name}")
        named = ",".join(names)
        if named != self._named:
            with contextlib.suppress(AriError):
                await house.ari.asterisk.setGlobalVar(variable="MS_SEATS", value=named)
                self._named = named

    async def _subscribe(self, source: str) -> bool:
        """Whether the line hears of it from now on; False when it did already."""
        house = self._house
        if source in self._subscribed:
            return False
        try:
            await house.ari.applications.subscribe(applicationName=house.app, eventSource=[source])
        except AriError as error:
            if source not in self._missing:
                log.warning("not_subscribed", source=source, error=str(error))
            self._missing.add(source)
            return False
        self._missing.discard(source)
        self._subscribed.add(source)
        return True

    def _seems_away(self, name: str) -> bool:
        seat = self._house.desk.seats.get(name)
        return seat is not None and seat.state == "UNAVAILABLE"

    async def _ask(self, name: str) -> None:
        """How a seat stands; an event that comes meanwhile knows better, also one that tells nothing new."""
        desk = self._house.desk
        before = desk.seats[name].told if name in desk.seats else 0
        with contextlib.suppress(AriError):
            endpoint = await self._house.ari.endpoints.get(tech="PJSIP", resource=name)
            idle = endpoint.state == "online" and not endpoint.channel_ids
            if name in desk.seats and desk.seats[name].told == before:
                desk.seat_state(name, "NOT_INUSE" if idle else "UNAVAILABLE")
