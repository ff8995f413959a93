"""How requests and events travel: a protocol, and its implementation over HTTP and a websocket.

The other implementation is in `telephony.fake.transport`, inside the process: with it a dialogue's tests run
in virtual time, which real sockets would not.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from enum import Enum
from typing import Literal, NamedTuple, Protocol

import aiohttp


class Broken(Exception):
    """No connection, a connection cut, or the deadline passed. Says why, without addresses or credentials."""


class Reply(NamedTuple):
    """A response: HTTP status and the undecoded body."""

    status: int
    body: bytes


class Sign(Enum):
    """What may arrive on the event socket instead of an event."""

    PONG = "pong"
    CLOSED = "closed"


class EventSocket(Protocol):
    """The one websocket on which Asterisk tells an application its events."""

    async def receive(self) -> bytes | Literal[Sign.PONG, Sign.CLOSED]:
        """The next event as JSON text, or a sign. Never raises for a broken connection: that is CLOSED."""

    async def ping(self) -> None:
        """Ask for a PONG. May raise Broken."""

    async def close(self) -> None:
        """Close without waiting for the other side; harmless when closed already."""


class Transport(Protocol):
    """A way to one Asterisk."""

    async def request(self, method: str, path: str, query: Mapping[str, str], body: bytes | None) -> Reply:
        """One request; `path` is below /ari and percent-encoded. Raises Broken, also after the deadline."""

    async def open_events(self, query: Mapping[str, str]) -> EventSocket:
        """Open the event socket (path /events). Raises Broken."""

    async def close(self) -> None:
        """Let go of all connections."""


class HttpTransport:
    """aiohttp with kept-alive connections; credentials only in the Authorization header, never in a URL.

    `url` is Asterisk's HTTP server without /ari, e.g. `http://127.0.0.1:8088`; `deadline` in seconds holds
    for every request from its start to the last byte of the answer.
    """

    def __init__(self, url: str, user: str, password: str, deadline: float) -> None:
        self._base = url.rstrip("/") + "/ari"
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._timeout = aiohttp.ClientTimeout(total=deadline)
        self._session: aiohttp.ClientSession | None = None

    async def request(self, method: str, path: str, query: Mapping[str, str], body: bytes | None) -> Reply:
        headers = {"Content-Type": "application/json"} if body is not None else None
        try:
            async with self._opened().request(
                method, self._base + path, params=dict(query), data=body, headers=headers
            ) as response:
                return Reply(response.status, await response.read())
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise Broken(_why(error)) from None

    async def open_events(self, query: Mapping[str, str]) -> EventSocket:
        try:
            socket = await self._opened().ws_connect(
                self._base + "/events", params=dict(query), autoping=False, max_msg_size=0
            )
        except (aiohttp.ClientError, OSError) as error:
            raise Broken(_why(error)) from None
        return HttpEventSocket(socket)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Asterisk closes an idle connection after 15 s (session_keep_alive): we must be the first to let
            # go, or a request meets the closing.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=10.0)
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=self._timeout,
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


class HttpEventSocket:
    """An aiohttp websocket; answers Asterisk's pings and reports the pongs to ours."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> bytes | Literal[Sign.PONG, Sign.CLOSED]:
        while True:
            message = await self._socket.receive()
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    return str(message.data).encode()
                case aiohttp.WSMsgType.BINARY:
                    return bytes(message.data)
                case aiohttp.WSMsgType.PONG:
                    return Sign.PONG
                case aiohttp.WSMsgType.PING:
                    await self._pong(message.data)
                case _:
                    return Sign.CLOSED

    async def ping(self) -> None:
        try:
            await self._socket.ping()
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise Broken(_why(error)) from None

    async def close(self) -> None:
        # aiohttp's own close() waits for the other side's answer, which a hung Asterisk never gives.
        closing = asyncio.ensure_future(self._socket.close())
        done, _ = await asyncio.wait({closing}, timeout=0.5)
        if not done:
            closing.cancel()

    async def _pong(self, data: bytes) -> None:
        try:
            await self._socket.pong(data)
        except (aiohttp.ClientError, OSError, RuntimeError):
            return  # the next receive() says CLOSED


def _why(error: BaseException) -> str:
    """A short reason without addresses: an aiohttp error's text may hold the URL."""
    if isinstance(error, TimeoutError):
        return "deadline passed"
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"status {error.status}"
    return type(error).__name__
