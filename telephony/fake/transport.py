"""The way into the fake without a socket: the same requests and events, in the loop's own time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from telephony.ari.transport import Broken, EventSocket, Reply

if TYPE_CHECKING:
    from telephony.fake.asterisk import FakeAsterisk


class DirectTransport:
    """A transport for AriClient; `deadline` in seconds, after which a stalled request is given up."""

    def __init__(self, fake: FakeAsterisk, deadline: float) -> None:
        self._fake = fake
        self._deadline = deadline

    async def request(self, method: str, path: str, query: Mapping[str, str], body: bytes | None) -> Reply:
        await asyncio.sleep(0)  # no reply comes in the same step as its request
        fake = self._fake
        if fake.faults.refuses_links:
            raise Broken("ClientConnectorError")
        if not fake.faults.running.is_set():
            # It lies in Asterisk's socket and is carried out when Asterisk goes on, whoever still waits.
            work = fake.spawn(self._late(method, path, dict(query), body))
            await asyncio.wait({work}, timeout=self._deadline)
            raise Broken("deadline passed")
        failure = fake.faults.met(f"{method} {path}")
        if failure is not None and failure.status is not None:
            return Reply(failure.status, b'{"message":"' + failure.message.encode() + b'"}')
        reply = Reply(*fake.handle(method, path, dict(query), body))
        if failure is not None:
            await asyncio.sleep(self._deadline)
            raise Broken("deadline passed")
        return reply

    async def open_events(self, query: Mapping[str, str]) -> EventSocket:
        await asyncio.sleep(0)
        if self._fake.faults.refuses_links or not self._fake.faults.running.is_set():
            raise Broken("ClientConnectorError")
        return self._fake.open_socket(query["app"], query.get("subscribeAll") == "true")

    async def close(self) -> None:
        return None

    async def _late(self, method: str, path: str, query: dict[str, str], body: bytes | None) -> None:
        await self._fake.faults.running.wait()
        self._fake.handle(method, path, query, body)
