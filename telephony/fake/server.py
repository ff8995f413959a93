"""The fake behind a real HTTP port, for what needs sockets: the client's own transport, the guard, a browser."""

from __future__ import annotations

import asyncio
import base64
from types import TracebackType
from typing import Self

from aiohttp import WSMsgType, web

from telephony.ari.transport import Sign
from telephony.fake.applications import Socket
from telephony.fake.asterisk import FakeAsterisk


class FakeServer:
    """`async with FakeServer(fake) as server`: `server.url`, `server.user`, `server.password`."""

    def __init__(self, fake: FakeAsterisk, user: str = "line", password: str = "secret") -> None:
        self._fake = fake
        self.user, self.password = user, password
        self.url = ""
        self.seen: list[str] = []  # each request line with its query, as a log of Asterisk would show it
        application = web.Application()
        application.router.add_route("*", "/ari/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._fake.faults.resume()
        self._fake.drop_links()
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path_qs}")
        await self._fake.faults.running.wait()
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {token}":
            return web.json_response({"message": "Authentication required"}, status=401)
        path = request.rel_url.raw_path.removeprefix("/ari")
        query = dict(request.query)
        if path == "/events" and request.method == "GET":
            return await self._events(request, query)
        failure = self._fake.faults.met(f"{request.method} {path}")
        if failure is not None and failure.status is not None:
            return web.json_response({"message": failure.message}, status=failure.status)
        status, body = self._fake.handle(request.method, path, query, await request.read() or None)
        if failure is not None and request.transport is not None:
            request.transport.close()
        return web.Response(status=status, body=body, content_type="application/json")

    async def _events(self, request: web.Request, query: dict[str, str]) -> web.WebSocketResponse:
        response = web.WebSocketResponse(autoping=False)
        await response.prepare(request)
        socket = self._fake.open_socket(query["app"], query.get("subscribeAll") == "true")
        listening = asyncio.create_task(self._listen(response, socket))
        try:
            while (told := await socket.receive()) is not Sign.CLOSED:
                if isinstance(told, bytes):
                    await response.send_str(told.decode())
        except ConnectionError:
            socket.drop()
        finally:
            listening.cancel()
        if not response.closed and request.transport is not None:
            request.transport.abort()  # as when Asterisk dies: no closing handshake
        return response

    async def _listen(self, response: web.WebSocketResponse, socket: Socket) -> None:
        while True:
            message = await response.receive()
            if message.type is WSMsgType.PING:
                await self._fake.faults.running.wait()
                await response.pong(message.data)
            elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                socket.drop()
                return
