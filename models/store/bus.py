"""The doorbell: says which noun changed, so that nobody has to wait for the next poll.

A ring carries a topic and an id and may be lost; who hears it reads the store. Topics: orders, cases, calls, live.
`where` is the run directory (each listener binds a datagram socket in `<run>/bus/`) or a PostgreSQL URL
(LISTEN/NOTIFY); `place` picks for a store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol

from models.store.bus_postgresql import Notifier, PostgresqlEar
from models.store.bus_socket import SocketEar, SocketRinger

Where = Path | str
_HEARD = 1_000  # rings kept for a listener that is busy; more are dropped, the poll finds the rest


class Ring(NamedTuple):
    topic: str
    id: str


class _Ringer(Protocol):
    def ring(self, message: str) -> None: ...
    def close(self) -> None: ...


class _Ear(Protocol):
    async def open(self, heard: Callable[[str], None]) -> None: ...
    async def close(self) -> None: ...


def place(store_url: str, run: Path) -> Where:
    """Where the bell of a store hangs."""
    return store_url if store_url.startswith("postgresql") else run


class Bell:
    """The ringing end; any thread may ring."""

    def __init__(self, where: Where) -> None:
        self._ringer: _Ringer = Notifier(where) if isinstance(where, str) else SocketRinger(where)

    def ring(self, topic: str, id: str = "") -> None:
        """Never blocks, never raises; nobody may be listening."""
        self._ringer.ring(f"{topic} {id}")

    def close(self) -> None:
        self._ringer.close()


class Listener:
    """The hearing end: `async with Listener(where, ["orders"]) as listener`, then `async for ring in listener`
    or `await listener.wait(5.0)`. On PostgreSQL it connects again by itself when the database was away.
    """

    def __init__(self, where: Where, topics: Iterable[str]) -> None:
        self._topics = frozenset(topics)
        self._ear: _Ear = PostgresqlEar(where) if isinstance(where, str) else SocketEar(where)
        self._heard: asyncio.Queue[Ring] = asyncio.Queue(_HEARD)

    async def __aenter__(self) -> Listener:
        await self._ear.open(self._hear)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ear.close()

    def __aiter__(self) -> AsyncIterator[Ring]:
        return self

    async def __anext__(self) -> Ring:
        return await self._heard.get()

    async def wait(self, timeout: float) -> Ring | None:
        """The next ring, or None after `timeout` seconds without one."""
        getting = asyncio.ensure_future(self._heard.get())
        try:
            done, _ = await asyncio.wait({getting}, timeout=timeout)
        except asyncio.CancelledError:
            getting.cancel()
            raise
        if done:
            return getting.result()
        getting.cancel()
        return None

    def _hear(self, message: str) -> None:
        topic, _, id = message.partition(" ")
        if topic in self._topics and not self._heard.full():
            self._heard.put_nowait(Ring(topic, id))
