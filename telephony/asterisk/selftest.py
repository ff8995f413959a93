"""Does this Asterisk really do what the line needs? Tried in about three seconds, without a telephone.

A private instance on loopback with the barest dialplan: a Local call is broadcast and claimed, bridged with another,
tapped (snoop into a media socket), and a prompt played to it comes back by an echo. The tap must hear it, and the
processor must stay calm (asterisk#2134: versions that spin on bridged, spied channels).
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import socket
import tempfile
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import structlog

from config.language import _
from config.sections import Asterisk, Sip
from config.settings import Settings
from telephony.asterisk.installation import Installation
from telephony.asterisk.process import AsteriskProcess
from telephony.asterisk.trouble import NoAsterisk

log = structlog.get_logger()

APP = "selftest"
LISTEN = 1.5  # s, 75 frames of 20 ms
ENOUGH = 60  # frames
LOUD = 500.0  # mean level of 16-bit samples
CALM = 0.7  # of one core, while listening
WITHIN = 5.0  # s, for each thing waited for

_FILES = {
    "asterisk.conf": """[directories]
astetcdir => {home}/etc
astmoddir => {modules}
astvarlibdir => {home}
astcachedir => {home}
astdbdir => {home}
astkeydir => {home}
astdatadir => {data}
astagidir => {home}
astspooldir => {home}
astrundir => {home}/run
astlogdir => {home}/log
[options]
documentation_language = en_US
""",
    "modules.conf": "[modules]\nautoload=no\n{load}\n",
    "logger.conf": "[logfiles]\nmessages.log => warning,error\n",
    "http.conf": "[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={port}\n",
    "ari.conf": "[general]\nenabled=yes\n[selftest]\ntype=user\npassword={password}\npassword_format=plain\n",
    "chan_websocket.conf": "[global]\ncontrol_message_format=json\n",
    "extensions.conf": """[selftest]
exten => claimed,1,Answer()
 same => n,StasisBroadcast(3000,^selftest$,tried)
exten => echo,1,Answer()
 same => n,Echo()
exten => quiet,1,Answer()
 same => n,MusicOnHold(,20)
""",
    **{f"{name}.conf": "" for name in ("pjsip", "pjproject", "rtp", "musiconhold", "indications", "stasis")},
    **{f"{name}.conf": "" for name in ("acl", "ccss", "cdr", "cel", "cel_custom", "features", "manager")},
    **{f"{name}.conf": "" for name in ("udptl", "websocket_client")},
}


def selftest_now(installation: Installation) -> None:
    """`selftest` for callers that have no event loop, or are inside one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, selftest(installation)).result()


async def selftest(installation: Installation) -> None:
    """Raises `NoAsterisk`, saying what did not work."""
    with tempfile.TemporaryDirectory(prefix="minsheng-") as name:
        folder = Path(name)
        settings = Settings.model_construct(
            var=folder, sip=Sip(port=_free_port()), asterisk=Asterisk(http_port=_free_port())
        )
        password = secrets.token_urlsafe(16)
        _write(folder / "asterisk", installation, settings.asterisk.http_port, password)
        process = AsteriskProcess(settings, installation)
        await asyncio.to_thread(process.start)
        try:
            address = f"http://127.0.0.1:{settings.asterisk.http_port}"
            token = base64.b64encode(f"{APP}:{password}".encode()).decode()
            async with aiohttp.ClientSession(headers={"Authorization": f"Basic {token}"}) as http:
                await _Trial(http, address, process.pid or 0, folder / "tone").run()
        except (aiohttp.ClientError, OSError) as error:
            raise NoAsterisk(_("电话交换程序自检失败：{what}", what=error)) from None
        finally:
            await asyncio.to_thread(process.stop, True)


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def _write(home: Path, installation: Installation, port: int, password: str) -> None:
    for name in ("etc", "run", "log", "keys"):
        (home / name).mkdir(parents=True)
    values = {"home": home, "modules": installation.modules, "data": installation.data}
    load = "\n".join(f"load={name}.so" for name in installation.load)
    for name, text in _FILES.items():
        (home / "etc" / name).write_text(text.format(**values, port=port, password=password, load=load))
    time = np.arange(8000 * 3) / 8000
    with wave.open(str(home.parent / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((8000 * np.sin(2 * np.pi * 440 * time)).astype("<i2").tobytes())


class _Trial:
    """One run against a started instance; `tone` is the prompt's path without its ending."""

    def __init__(self, http: aiohttp.ClientSession, address: str, pid: int, tone: Path) -> None:
        self._http = http
        self._address = address
        self._pid = pid
        self._tone = tone
        self._seen: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    async def run(self) -> None:
        async with self._http.ws_connect(f"{self._address}/ari/events?app={APP}") as events:
            reading = asyncio.create_task(self._read(events))
            try:
                await self._call()
            finally:
                reading.cancel()

    async def _read(self, events: aiohttp.ClientWebSocketResponse) -> None:
        async for message in events:
            self._seen.append(message.json())
            self._more.set()

    async def _call(self) -> None:
        await self._post("channels", endpoint="Local/claimed@selftest", context="selftest", extension="echo")
        offered = await self._event("CallBroadcast", lambda event: True)
        await self._post("events/claim", channelId=offered["channel"]["id"], application=APP)
        claimed = await self._started(lambda event: event["args"] == ["tried"])
        other = await self._post("channels", endpoint="Local/quiet@selftest", app=APP)
        await self._started(lambda event: event["channel"]["id"] == other["id"])
        await self._bridge(claimed, other["id"])
        snoop = await self._post(f"channels/{claimed}/snoop", spy="in", app=APP)
        media = await self._post(
            "channels/externalMedia",
            app=APP,
            external_host="INCOMING",
            encapsulation="none",
            transport="websocket",
            connection_type="server",
            format="slin16",
            transport_data="f(json)",
        )
        await self._post(f"channels/{claimed}/play", media=f"sound:{self._tone}")
        socket_id = media["channelvars"]["MEDIA_WEBSOCKET_CONNECTION_ID"]
        async with self._http.ws_connect(f"{self._address}/media/{socket_id}", protocols=("media",)) as sound:
            for leg in (snoop["id"], media["id"]):
                await self._started(lambda event, leg=leg: event["channel"]["id"] == leg)  # type: ignore[misc]
            await self._bridge(snoop["id"], media["id"])
            before = _busy(self._pid)
            frames = await _listen(sound)
            share = (_busy(self._pid) - before) / LISTEN
        self._judge(frames, share)

    def _judge(self, frames: list[bytes], share: float) -> None:
        level = float(np.abs(np.frombuffer(b"".join(frames), "<i2").astype(float)).mean()) if frames else 0.0
        log.info("asterisk_selftest", frames=len(frames), loudness=round(level), cpu=round(share, 2))
        if len(frames) < ENOUGH or level < LOUD:
            raise NoAsterisk(
                _("电话交换程序自检失败：{what}", what=f"{len(frames)} frames, level {level:.0f}")
            )
        if share > CALM:
            raise NoAsterisk(_("电话交换程序自检失败：{what}", what=f"CPU {share:.0%}"))

    async def _bridge(self, *channels: str) -> None:
        bridge = await self._post("bridges", type="mixing")
        await self._post(f"bridges/{bridge['id']}/addChannel", channel=",".join(channels))

    async def _post(self, path: str, **query: str) -> dict[str, Any]:
        async with self._http.post(f"{self._address}/ari/{path}", params=query) as reply:
            text = await reply.text()
            if reply.status >= 300:
                raise NoAsterisk(_("电话交换程序自检失败：{what}", what=f"{path} {reply.status} {text}"))
            return await reply.json() if text else {}

    async def _started(self, fits: Callable[[dict[str, Any]], bool]) -> str:
        return str((await self._event("StasisStart", fits))["channel"]["id"])

    async def _event(self, kind: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WITHIN
        while loop.time() < deadline:
            for event in self._seen:
                if event["type"] == kind and fits(event):
                    return event
            self._more.clear()
            waiting = asyncio.ensure_future(self._more.wait())
            await asyncio.wait([waiting], timeout=deadline - loop.time())
            waiting.cancel()
        raise NoAsterisk(_("电话交换程序自检失败：{what}", what=kind))


async def _listen(sound: aiohttp.ClientWebSocketResponse) -> list[bytes]:
    """Sound frames of the time listened."""
    frames: list[bytes] = []

    async def collect() -> None:
        async for message in sound:
            if message.type == aiohttp.WSMsgType.BINARY:
                frames.append(message.data)

    collecting = asyncio.create_task(collect())
    await asyncio.wait([collecting], timeout=LISTEN)
    collecting.cancel()
    return frames


def _busy(pid: int) -> float:
    """CPU seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
