"""What an earlier line left and nobody needs: legs whose citizen has gone, bridges with nobody in them.

In Asterisk both stay for ever: an operator would sit alone in a bridge until they put the phone down.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from ivr.house import House
from ivr.past import Past
from models import kinds
from models.ids import is_call, leg_of
from telephony.ari._generated import models as ari
from telephony.ari.errors import AriError
from telephony.leg import Leg
from telephony.snapshot import Snapshot

log = structlog.get_logger()

Begin = Callable[[Coroutine[Any, Any, None]], None]


def orphans(house: House, seen: Snapshot) -> list[ari.Channel]:
    """Legs of ours whose citizen is not in our hands (any more)."""
    found = []
    for channel in seen.channels.values():
        name = leg_of(channel.id)
        owner = (channel.channelvars or {}).get("MS_APP", "")
        if name is None or owner not in ("", house.app) or house.router.knows(channel.id):
            continue
        if name.call not in seen.ours:
            found.append(channel)
    return found


def sweep(
    house: House,
    begin: Begin,
    seen: Snapshot,
    told: Mapping[str, Past],
    kept: set[str],
    legs: Iterable[ari.Channel],
) -> None:
    """Hang these legs up, destroy bridges of calls that are not `kept`: those in our hands see to their own."""
    for channel in legs:
        begin(_let_go(house, channel, told))
    for bridge in seen.bridges:
        call, _, mark = bridge.rpartition(".")
        if mark and is_call(call) and call not in kept:
            begin(destroy(house, bridge))


async def destroy(house: House, bridge: str) -> None:
    with suppress(AriError):
        await house.ari.bridges.destroy(bridgeId=bridge)


async def _let_go(house: House, channel: ari.Channel, told: Mapping[str, Past]) -> None:
    name = leg_of(channel.id)
    if name is None or house.router.knows(channel.id):
        return
    leg = Leg.living(channel, name.seat, house.ari, house.router, answered=channel.state == "Up")
    log.warning("leg_without_citizen", leg=leg.id)
    await leg.hang_up()
    ending = await leg.over()
    past, stream = told.get(name.call, Past()), f"call:{name.call}"
    if past.talking and past.talk == leg.id:
        house.note(stream, kinds.CALL_TALK_END, leg=leg.id, by="unknown")
    if leg.id in past.rung:
        causes = {"cause": ending.cause, "tech_cause": ending.tech_cause}
        house.note(stream, kinds.LEG_END, leg=leg.id, how=ending.how, **causes)
