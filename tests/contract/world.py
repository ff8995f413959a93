"""What a behaviour of the contract needs: a client, its events, people who call and who are called.

`FakeWorld` has them from FakeAsterisk, `RealWorld` from a private Asterisk with the shipped configuration and a SIP
phone behind the trunk `citizen`. A callee's script is the name dialled, as in `tests.contract.phone`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import uuid
import wave
from typing import Any, Protocol, TypeVar

import msgspec

from telephony.ari._generated import models
from telephony.ari.client import AriClient
from telephony.ari.errors import Conflict, NotFound
from telephony.ari.events import LinkUp
from telephony.fake.asterisk import FakeAsterisk
from telephony.fake.callees import Callee, answers, fails, no_answer
from telephony.fake.channels import FakeChannel
from tests.contract.phone import Phone, Talk

E = TypeVar("E")
APP = "minsheng-contract"


class Caller(Protocol):
    """A citizen on the line."""

    def press(self, keys: str) -> None: ...

    def hang_up(self) -> None: ...


class World:
    """A client with everything it was told. `trunk` is the endpoint that callees are behind."""

    trunk = "PJSIP/citizen"
    sound = "sound:beep"  # something short that can be played

    def __init__(self, client: AriClient) -> None:
        self.client = client
        self.told: list[Any] = []
        self._read = 0
        self._more = asyncio.Event()
        self._numbers = itertools.count()
        self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        self._listening.cancel()

    async def _listen(self) -> None:
        async for event in self.client.events():
            self.told.append(event)
            self._more.set()

    def new_id(self) -> str:
        """An id not used before, in any run."""
        return f"contract-{uuid.uuid4().hex[:12]}.{next(self._numbers)}"

    async def event(self, kind: type[E], of: str = "", *, within: float = 5.0, **fields: object) -> E:
        """The next event of that kind about `of` (a channel, playback or recording), told since the last call."""
        deadline = asyncio.get_running_loop().time() + within
        while True:
            for index in range(self._read, len(self.told)):
                event = self.told[index]
                if isinstance(event, kind) and _fits(event, of, fields):
                    self._read = index + 1
                    return event
            self._more.clear()
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                kinds = [type(one).__name__ for one in self.told[self._read :]]
                raise AssertionError(f"no {kind.__name__} within {within:g} s, but {kinds}")
            waiting = asyncio.ensure_future(self._more.wait())
            await asyncio.wait({waiting}, timeout=left)
            waiting.cancel()

    def all_told(self, kind: type[E], of: str = "") -> list[E]:
        """All events of that kind about `of` so far."""
        return [event for event in self.told if isinstance(event, kind) and _fits(event, of, {})]

    async def answered_caller(self) -> tuple[str, Caller]:
        """A citizen's channel, claimed and in Stasis."""
        caller = await self.call_in()
        broadcast = await self.event(models.CallBroadcast)
        channel = broadcast.channel.id
        await self.client.events.claimChannel(channelId=channel, application=APP)
        await self.event(models.StasisStart, channel)
        return channel, caller

    async def ring(self, script: str, *, timeout: int = 5, leg: str = "") -> str:
        """Ring a callee as the line does: by context, the endpoint subscribed to before. The leg's id."""
        await self.client.applications.subscribe(applicationName=APP, eventSource=f"endpoint:{self.trunk}")
        leg = leg or self.new_id()
        await self.client.channels.originateWithId(
            channelId=leg,
            endpoint=self.callee(script),
            context="ms-seat",
            extension="s",
            priority=1,
            timeout=timeout,
            variables={"MS_APP": APP, "MS_CALL": "call-1"},
        )
        return leg

    async def answered_leg(self) -> str:
        """A leg that has answered and is in Stasis."""
        leg = await self.ring("answer")
        await self.event(models.StasisStart, leg)
        return leg

    def another_client(self, app: str) -> AriClient:
        """One more client of the same Asterisk, not opened yet."""
        raise NotImplementedError

    async def call_in(self) -> Caller:
        """A citizen dials 110."""
        raise NotImplementedError

    def callee(self, script: str) -> str:
        """The endpoint whose phone acts by the script."""
        raise NotImplementedError


class FakeWorld(World):
    """Everything in the process."""

    def __init__(self, client: AriClient, fake: FakeAsterisk) -> None:
        super().__init__(client)
        self._fake = fake

    @classmethod
    async def open(cls, fake: FakeAsterisk) -> FakeWorld:
        fake.trunk("citizen")
        fake.missing_media.add("sound:there-is-no-such-sound")
        client = AriClient.over(fake.transport(), app=APP)
        await client.__aenter__()
        world = cls(client, fake)
        await world.event(LinkUp)
        return world

    async def close(self) -> None:
        await super().close()
        await self.client.__aexit__(None, None, None)
        await self._fake.close()

    def another_client(self, app: str) -> AriClient:
        return AriClient.over(self._fake.transport(), app=app)

    async def call_in(self) -> FakeChannel:
        return self._fake.incoming("13900000001", trunk="citizen")

    def callee(self, script: str) -> str:
        self._fake.phone(script, _acting(script))
        return f"{self.trunk.replace('/', '/' + script + '@')}"


def _acting(script: str) -> Callee:
    if script.isdigit():
        return fails(int(script))
    if script == "ring":
        return no_answer()
    keys = re.search(r"\.keys([\d*#]+)", script)
    bye = re.search(r"\.bye(\d+)", script)
    return answers(0.1, hangs_up_after=float(bye[1]) if bye else None, keys=((0.5, keys[1]),) if keys else ())


class RealWorld(World):
    """A private Asterisk and a phone behind its trunk."""

    def __init__(self, client: AriClient, phone: Phone, running: Any) -> None:
        super().__init__(client)
        self._phone, self._running = phone, running

    @classmethod
    async def open(cls, running: Any) -> RealWorld:
        """`running` is what the fixture `asterisk` of tests/line gives."""
        settings = running.settings
        phone = await Phone.open(("127.0.0.1", settings.sip.port), "127.0.0.2", running.citizen_port)
        sound = settings.var / "contract.wav"
        with wave.open(str(sound), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(2 * 1600))
        url = f"http://127.0.0.1:{settings.asterisk.http_port}"
        client = AriClient(url, "minsheng", running.secrets.ari, app=APP)
        await client.__aenter__()
        world = cls(client, phone, running)
        world.sound = f"sound:{sound.with_suffix('')}"
        await world.event(LinkUp)
        return world

    async def close(self) -> None:
        await super().close()
        for channel in await self.client.channels.list():
            with contextlib.suppress(NotFound):  # it just ended by itself
                await self.client.channels.hangup(channelId=channel.id)
        for bridge in await self.client.bridges.list():
            with contextlib.suppress(NotFound, Conflict):
                await self.client.bridges.destroy(bridgeId=bridge.id)
        with_sources = await self.client.applications.get(applicationName=APP)
        for endpoint in with_sources.endpoint_ids:
            await self.client.applications.unsubscribe(
                applicationName=APP, eventSource=f"endpoint:{endpoint}"
            )
        await self.client.__aexit__(None, None, None)
        self._phone.close()

    def another_client(self, app: str) -> AriClient:
        url = f"http://127.0.0.1:{self._running.settings.asterisk.http_port}"
        return AriClient(url, "minsheng", self._running.secrets.ari, app)

    async def call_in(self) -> Talk:
        return await self._phone.call("110")

    def callee(self, script: str) -> str:
        return f"{self.trunk.replace('/', '/' + script + '@')}"


def _fits(event: object, of: str, fields: dict[str, object]) -> bool:
    if any(getattr(event, name, None) != value for name, value in fields.items()):
        return False
    if not of:
        return True
    plain: dict[str, Any] = msgspec.to_builtins(event)
    things = [plain.get(name) or {} for name in ("channel", "peer", "playback", "recording", "bridge")]
    return any(of in (thing.get("id"), thing.get("name")) for thing in things)
