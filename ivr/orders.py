"""Orders to the line are rows in the store; the bell only hastens the look at them (DESIGN 2)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy.orm import Session

from callbacks.plan import Leased, leased_now
from ivr.house import House
from ivr.outbound import ring_back, settle, under_way
from models.event import now
from models.store.bus import Listener, place

LOOK_WITHIN = 2.0  # s: nothing waits for this look but the calls that it would make


async def orders(house: House, begin: Callable[[Coroutine[Any, Any, Any]], None]) -> None:
    """Dial what is leased, each once, until cancelled. First what an earlier line left: its living callbacks go on
    (`ivr.adoption`), the others are settled.
    """
    await house.adopted.wait()
    ringing: set[str] = set()
    none: list[Leased] = []
    settled = False

    def allowed(session: Session) -> list[Leased]:
        return leased_now(session, house.settings, house.city, now())  # a lease may be from before a night

    async def dial(lease: Leased) -> None:
        try:
            await ring_back(house, lease)
        finally:
            ringing.discard(lease.id)

    async with Listener(place(house.settings.store_url, house.settings.run), ["orders"]) as listener:
        while True:
            if not settled:
                left = await house.lookup.ask(under_way, None, within=LOOK_WITHIN)
                settled = left is not None and await settle(house, left)
            for lease in await house.lookup.ask(allowed, none, within=LOOK_WITHIN) if settled else none:
                if lease.id not in ringing:
                    ringing.add(lease.id)
                    begin(dial(lease))
            await listener.wait(house.settings.line.poll_every)
