"""How Asterisk stands at one moment: its channels, its bridges, and which channels are in our application."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from telephony.ari._generated import models as ari
from telephony.ari.client import AriClient

TRIES = 6  # looks; on a busy line something changes between any two of them
PAUSE = 0.05  # s between two looks


@dataclass(frozen=True)
class Snapshot:
    """By id. `ours`: channels in our application's Stasis."""

    channels: dict[str, ari.Channel]
    bridges: dict[str, ari.Bridge]
    ours: frozenset[str]

    def bridges_with(self, channel: str) -> list[ari.Bridge]:
        return [bridge for bridge in self.bridges.values() if channel in bridge.channels]

    @property
    def shape(self) -> tuple[object, ...]:
        """What must be alike in two looks for them to agree."""
        states = frozenset((one.id, one.state) for one in self.channels.values())
        joined = frozenset((one.id, frozenset(one.channels)) for one in self.bridges.values())
        return states, joined, self.ours


async def snapshot(client: AriClient, app: str) -> Snapshot:
    """Three requests a look, however many calls there are; looks until two agree. Raises `AriError`.

    What changes meanwhile is an event: whoever asks listens already, and applies it afterwards.
    """
    last = await _look(client, app)
    for _ in range(TRIES):
        await asyncio.sleep(PAUSE)
        before, last = last, await _look(client, app)
        if before.shape == last.shape:
            break
    return last


async def _look(client: AriClient, app: str) -> Snapshot:
    channels = {one.id: one for one in await client.channels.list()}
    bridges = {one.id: one for one in await client.bridges.list()}
    application = await client.applications.get(applicationName=app)
    return Snapshot(channels, bridges, frozenset(application.channel_ids) & channels.keys())
