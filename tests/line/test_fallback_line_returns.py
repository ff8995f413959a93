"""The line comes back while the fallback rings: it is asked again each round, and what it decides holds."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

APP = "minsheng-n1"


class Line:
    """As much of an ARI application as this needs: it claims what is broadcast."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self.http = http
        self.base = base
        self.hangs = False  # connected, but claims nothing
        self.starts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def post(self, path: str, **query: str) -> int:
        async with self.http.post(f"{self.base}/{path}", params=query) as reply:
            return reply.status

    async def serve(self) -> None:
        async with self.http.ws_connect(f"{self.base}/events?app={APP}") as events:
            async for message in events:
                event = message.json()
                if event["type"] == "CallBroadcast" and not self.hangs:
                    await self.post("events/claim", channelId=event["channel"]["id"], application=APP)
                elif event["type"] == "StasisStart":
                    self.starts.put_nowait(event)


@asynccontextmanager
async def line(asterisk: Any) -> AsyncIterator[Line]:
    token = base64.b64encode(f"minsheng:{asterisk.secrets.ari}".encode()).decode()
    async with aiohttp.ClientSession(headers={"Authorization": f"Basic {token}"}) as http:
        app = Line(http, f"http://127.0.0.1:{asterisk.settings.asterisk.http_port}/ari")
        serving = asyncio.create_task(app.serve())
        try:
            yield app
        finally:
            serving.cancel()
            await asyncio.wait([serving])


async def test_a_line_that_lives_is_asked_first(asterisk: Any, tmp_path: Path) -> None:
    async with line(asterisk) as app, asterisk.citizen(tmp_path) as citizen:
        await asyncio.sleep(0.3)
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        await call.answered(within=5)
        start = await asyncio.wait_for(app.starts.get(), 5)
        channel = start["channel"]
        assert start["args"] == ["incoming", "110"]
        assert channel["id"].startswith("n1-")
        assert channel["name"].startswith("PJSIP/citizen-")
        assert channel["channelvars"]["MS_REC"] == f"{asterisk.settings.raw}/{channel['id']}.raw"
        assert abs(float(channel["channelvars"]["MS_REC_AT"]) - float(channel["id"][3:])) < 2
        assert "." in channel["channelvars"]["MS_REC_AT"]
        assert await app.post(f"channels/{channel['id']}/variable", variable="MS_DONE", value="1") == 204
        assert await app.post(f"channels/{channel['id']}/continue") == 204
        assert (await call.ended(within=5)).by == "there", "a call the line has finished with is hung up"


async def test_it_returns_in_a_later_round_and_the_seat_stops_ringing(asterisk: Any, tmp_path: Path) -> None:
    async with asterisk.seat("op1", tmp_path) as seat, asterisk.citizen(tmp_path) as citizen:
        await seat.register()
        await asterisk.reachable("op1")
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        await seat.next_call(within=5)
        async with line(asterisk) as app:
            start = await asyncio.wait_for(app.starts.get(), 15)
            assert start["args"] == ["incoming", "110"]
            assert seat.talk.closed is not None, "the seat does not ring beside the line"
            assert call.closed is None
            await call.hang_up()


async def test_a_line_that_gives_the_call_back_leaves_it_in_the_fallback(
    asterisk: Any, tmp_path: Path
) -> None:
    async with (
        line(asterisk) as app,
        asterisk.seat("op2", tmp_path) as seat,
        asterisk.citizen(tmp_path) as citizen,
    ):
        await seat.register()
        await asterisk.reachable("op2")
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        start = await asyncio.wait_for(app.starts.get(), 5)
        await app.post(
            f"channels/{start['channel']['id']}/continue", context="ms-fallback", extension="s", priority="1"
        )
        await seat.next_call(within=5)
        assert call.closed is None
        await call.hang_up()
    recordings = list(asterisk.settings.raw.glob(f"{start['channel']['id']}*.raw"))
    assert len(recordings) == 1, "the recorder that ran goes on: no second one on the same file"


async def test_a_line_that_hangs_is_not_waited_for_until_it_wakes(asterisk: Any, tmp_path: Path) -> None:
    async with (
        line(asterisk) as app,
        asterisk.seat("op3", tmp_path) as seat,
        asterisk.citizen(tmp_path) as citizen,
    ):
        app.hangs = True
        await seat.register()
        await asterisk.reachable("op3")
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        await seat.next_call(within=5)
        app.hangs = False
        assert (await asyncio.wait_for(app.starts.get(), 15))["args"] == ["incoming", "110"]
        assert call.closed is None
        await call.hang_up()
