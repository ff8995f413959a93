"""The contexts of our own dialplan, as far as the line meets them (docs/architecture.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from telephony.fake.channels import Goto

if TYPE_CHECKING:
    from telephony.fake.channels import FakeChannel

Context = Callable[["FakeChannel"], Awaitable[None]]


def start_recorder(channel: FakeChannel) -> None:
    """Set what the dialplan sets when it starts MixMonitor; the fake writes no file."""
    if "MS_REC" not in channel.variables:
        channel.variables["MS_REC"] = f"{channel.world.raw}/{channel.id}.raw"
        channel.variables["MS_REC_AT"] = f"{channel.world.utc().timestamp():.3f}"


async def ms_110(channel: FakeChannel) -> None:
    """The published numbers: record, answer, ask the line, else the fallback."""
    start_recorder(channel)
    channel.variables["MS_DIALLED"] = channel.exten
    channel.answer()
    channel.variables["MS_ANS_AT"] = f"{channel.world.utc().timestamp():.3f}"
    await channel.ask_line(channel.world.app_pattern, 0.7, ("incoming", channel.exten))
    raise Goto("ms-fallback", "s")


async def ms_fallback(channel: FakeChannel) -> None:
    """Hangs up only what the line has finished with; else asks the line again round by round.

    The ringing of seats, which the real one does first in each round, is only the time it takes.
    """
    start_recorder(channel)
    channel.answer()
    while channel.variables.get("MS_DONE") != "1":
        channel.music = True
        await asyncio.sleep(channel.world.fallback_round)
        channel.music = False
        dialled = channel.variables.get("MS_DIALLED", channel.exten)
        await channel.ask_line(channel.world.app_pattern, 0.7, ("incoming", dialled))


async def ms_seat(channel: FakeChannel) -> None:
    """A leg to an operator, entered after the answer."""
    start_recorder(channel)
    channel.doing = ("Stasis", f"{channel.variables.get('MS_APP', '')},seat")
    await channel.stasis(channel.variables.get("MS_APP", ""), ("seat",))


async def ms_callback(channel: FakeChannel) -> None:
    """A call to a citizen, entered after the answer."""
    start_recorder(channel)
    channel.doing = ("Stasis", f"{channel.variables.get('MS_APP', '')},callback")
    await channel.stasis(channel.variables.get("MS_APP", ""), ("callback",))


CONTEXTS: dict[str, Context] = {
    "ms-110": ms_110,
    "ms-fallback": ms_fallback,
    "ms-seat": ms_seat,
    "ms-callback": ms_callback,
}
