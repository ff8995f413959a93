"""Stasis applications: who is connected, what each is subscribed to, and what it is therefore told."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any, Literal

import msgspec

from telephony.ari._generated import models
from telephony.ari.transport import Sign
from telephony.fake.faults import Faults

Told = bytes | Literal[Sign.PONG, Sign.CLOSED]


class Socket:
    """One event socket; what was told waits in it while Asterisk is stalled."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._waiting: asyncio.Queue[Told] = asyncio.Queue()
        self.is_open = True

    def put(self, told: bytes) -> None:
        """Tell an event."""
        if self.is_open:
            self._waiting.put_nowait(told)

    async def receive(self) -> Told:
        """The next event; CLOSED for ever once the socket is dropped."""
        if not self.is_open and self._waiting.empty():
            return Sign.CLOSED
        told = await self._waiting.get()
        await self._faults.running.wait()
        return told

    async def ping(self) -> None:
        """Answered at once, or after the stall."""
        if self.is_open:
            self._waiting.put_nowait(Sign.PONG)

    async def close(self) -> None:
        """The application's side lets go."""
        self.drop()

    def drop(self) -> None:
        """Cut the socket; what was already told is still read."""
        if self.is_open:
            self.is_open = False
            self._waiting.put_nowait(Sign.CLOSED)


class Application:
    """An application's name with its subscriptions, which outlive its connections."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.socket: Socket | None = None
        self.subscribe_all = False
        self.channels: dict[str, int] = {}  # channel id → subscriptions
        self.bridges: dict[str, int] = {}  # bridge id → own channels in it, and subscriptions by hand
        self.endpoints: set[str] = set()
        self.devices: set[str] = set()

    @property
    def is_connected(self) -> bool:
        """Whether Stasis and StasisBroadcast may choose it. A stalled application counts as connected."""
        return self.socket is not None and self.socket.is_open

    def connect(self, socket: Socket, subscribe_all: bool) -> None:
        """A new connection; the one before is told so and hears nothing more."""
        if self.is_connected:
            self.tell(models.ApplicationReplaced, timestamp=datetime.datetime.now(datetime.UTC))
        self.socket, self.subscribe_all = socket, subscribe_all

    def tell(self, kind: type[models.Event], times: int = 1, **fields: Any) -> None:
        """Send an event `times` times over; lost while nobody is connected."""
        if self.socket is None or times < 1:
            return
        event = kind(application=self.name, **fields)
        for _ in range(times):
            self.socket.put(msgspec.json.encode(event))

    def times_for_channel(self, channel: str, endpoint: str) -> int:
        """How often a channel's event is told: once for each subscription it falls under, as Asterisk does."""
        if self.subscribe_all:
            return 1
        return (channel in self.channels) + (endpoint in self.endpoints)

    def times_for_bridge(self, bridge: str) -> int:
        """How often a bridge's event is told."""
        return int(self.subscribe_all or bridge in self.bridges)

    def follow_bridge(self, bridge: str, more: int) -> None:
        """One subscription more or less; with the last of our channels a bridge is out of sight (measured)."""
        left = self.bridges.pop(bridge, 0) + more
        if left > 0:
            self.bridges[bridge] = left

    def described(self) -> models.Application:
        """What GET /applications/{name} says."""
        return models.Application(
            name=self.name,
            channel_ids=sorted(self.channels),
            bridge_ids=sorted(self.bridges),
            endpoint_ids=sorted(self.endpoints),
            device_names=sorted(self.devices),
            events_allowed=[],
            events_disallowed=[],
        )
