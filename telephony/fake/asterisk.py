"""FakeAsterisk: an Asterisk in the process, for time and trouble.

```python
fake = FakeAsterisk()
fake.phone("8001", answers(after=4.0))
async with AriClient.over(fake.transport(), app="minsheng-n1") as client:
    caller = fake.incoming("13900000001")
    ...
    caller.press("1")
    caller.hang_up()
    await fake.close()
```

It does what a real Asterisk 22.10.1 was measured to do, in the order it was measured; tests/contract holds both
to it. It takes its time from the running loop, so under a virtual clock a whole call passes in no time. Of sound
it knows only who speaks when. It writes no files.
"""

from __future__ import annotations

import asyncio
import datetime
import itertools
import re
from collections.abc import Coroutine
from typing import Any

import msgspec

from telephony.ari._generated import models
from telephony.fake import callees, requests
from telephony.fake.applications import Application, Socket
from telephony.fake.bridges import FakeBridge
from telephony.fake.callees import Callee
from telephony.fake.channels import FakeChannel, Goto
from telephony.fake.dialplan import CONTEXTS
from telephony.fake.faults import Faults
from telephony.fake.media import Playback, Recording
from telephony.fake.refusal import Refusal
from telephony.fake.transport import DirectTransport

CHANNELVARS = ("MS_REC", "MS_REC_AT", "MS_ANS_AT", "MS_APP", "MS_CALL", "MS_STATE", "MS_DONE")


class FakeAsterisk:
    """The whole world of one Asterisk. Make it inside a running loop; `close` ends all that lives in it.

    `seconds_of_media` is how long anything plays unless `media_seconds` says otherwise; `fallback_round` the
    seconds of one round of ms-fallback.
    """

    def __init__(
        self, node: str = "n1", *, app_pattern: str = "^minsheng-", seconds_of_media: float = 0.2
    ) -> None:
        self.node, self.app_pattern = node, app_pattern
        self.seconds_of_media, self.fallback_round = seconds_of_media, 5.0
        self.raw = "/nowhere"  # folder named in MS_REC
        self.channelvars = CHANNELVARS
        self.media_seconds: dict[str, float] = {}  # by the whole media URI or its last part
        self.missing_media: set[str] = set()
        self.channels: dict[str, FakeChannel] = {}
        self.gone: list[FakeChannel] = []  # ended, in the order of their end
        self.bridges: dict[str, FakeBridge] = {}
        self.applications: dict[str, Application] = {}
        self.playbacks: dict[str, Playback] = {}
        self.recordings: dict[str, Recording] = {}  # queued or running, by name
        self.stored: dict[str, str] = {}  # finished: name → format
        self.global_variables: dict[str, str] = {}
        self.contexts = dict(CONTEXTS)
        self.faults = Faults()
        self.requests: list[tuple[str, dict[str, str]]] = []  # `METHOD /path` and query, in order
        self.dialled: list[str] = []  # endpoint of each originate that was carried out
        self._callees: dict[str, Callee] = {}
        self._trunks = {"trunk"}
        self._unregistered: set[str] = set()
        self._loop = asyncio.get_running_loop()
        self._start = datetime.datetime.now(datetime.UTC)
        self._started = self._loop.time()
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []

    # People

    def phone(self, name: str, callee: Callee) -> None:
        """A seat's phone (`8001`, registered from now on) or a number behind a trunk, and what it does."""
        self._callees[name] = callee
        self._unregistered.discard(name)
        self._tell_endpoint(f"PJSIP/{name}")

    def trunk(self, name: str) -> None:
        """One more trunk, by the name of its endpoint."""
        self._trunks.add(name)

    def unregister(self, name: str) -> None:
        """The phone is gone: an originate to it is refused with 500."""
        self._unregistered.add(name)
        self._tell_endpoint(f"PJSIP/{name}")

    def incoming(
        self,
        caller: str,
        exten: str = "110",
        *,
        trunk: str = "trunk",
        context: str = "ms-110",
        variables: dict[str, str] | None = None,
    ) -> FakeChannel:
        """Somebody calls; the dialplan takes the call from the next step of the loop on."""
        channel = FakeChannel(
            self,
            f"{self.node}-{int(self._start.timestamp())}.{next(self._numbers)}",
            f"PJSIP/{trunk}",
            state="Ring",
            caller=caller,
            context=context,
            exten=exten,
            variables=variables,
        )
        self.channels[channel.id] = channel
        channel.tell(models.ChannelCreated)
        channel.later(self._live(channel))
        return channel

    # Ways in

    def transport(self, deadline: float = 3.0) -> DirectTransport:
        """A transport for AriClient.over that needs no socket."""
        return DirectTransport(self, deadline)

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
        """Carry out one request: status and JSON."""
        self.requests.append((f"{method} {path}", query))
        try:
            content: dict[str, Any] = msgspec.json.decode(body) if body else {}
            result = requests.carry_out(self, method, path, query, content)
        except Refusal as refusal:
            word = "error" if refusal.status == 500 else "message"
            return refusal.status, msgspec.json.encode({word: refusal.message})
        return (204, b"") if result is None else (200, msgspec.json.encode(result))

    def open_socket(self, app: str, subscribe_all: bool = False) -> Socket:
        """A new event socket of an application."""
        socket = Socket(self.faults)
        self.applications.setdefault(app, Application(app)).connect(socket, subscribe_all)
        return socket

    def drop_links(self) -> None:
        """Cut all event sockets; what happens until they are back is told to nobody."""
        for application in self.applications.values():
            if application.socket is not None:
                application.socket.drop()

    async def close(self) -> None:
        """End everything: tasks, sockets. Raises the first error of a script or of the fake itself."""
        self.faults.resume()
        self.drop_links()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._errors:
            raise self._errors[0]

    # For the parts of the fake

    def now(self) -> float:
        """Loop time, in seconds."""
        return self._loop.time()

    def utc(self) -> datetime.datetime:
        """The loop's time as a date; µs apart, so that no two events of the same kind are alike."""
        passed = self._loop.time() - self._started
        return self._start + datetime.timedelta(seconds=passed, microseconds=next(self._numbers) % 1000)

    def next_number(self) -> int:
        """A number not given out before."""
        return next(self._numbers)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task of this world."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)

    def seconds_of(self, media: str) -> float:
        """How long a medium plays; tones play until stopped."""
        for name in (media, media.rsplit("/", 1)[-1].rsplit(":", 1)[-1]):
            if name in self.media_seconds:
                return self.media_seconds[name]
        return 86400.0 if media.startswith("tone:") else self.seconds_of_media

    def matching(self, pattern: str) -> list[Application]:
        """Connected applications whose name fits."""
        return [
            one for one in self.applications.values() if one.is_connected and re.search(pattern, one.name)
        ]

    def knows_endpoint(self, endpoint: str) -> bool:
        """Whether there is such an endpoint, registered or not."""
        resource = endpoint.partition("/")[2]
        return resource in self._trunks or resource in self._callees

    def endpoints(self) -> list[str]:
        """All that there are."""
        return sorted(f"PJSIP/{name}" for name in self._trunks | set(self._callees))

    def endpoint_state(self, endpoint: str) -> models.Endpoint:
        """What GET /endpoints says of it. Raises Refusal 404."""
        technology, _, resource = endpoint.partition("/")
        if not self.knows_endpoint(endpoint):
            raise Refusal(404, "Endpoint not found")
        state = "offline" if resource in self._unregistered else "online"
        channels = [channel.id for channel in self.channels.values() if channel.endpoint == endpoint]
        return models.Endpoint(technology=technology, resource=resource, state=state, channel_ids=channels)

    def device_state(self, name: str) -> models.DeviceState:
        """Of `PJSIP/8001`. A ringing phone is BUSY too, as with device_state_busy_at=1 (measured)."""
        if not self.knows_endpoint(name):
            return models.DeviceState(name=name, state="INVALID")
        shown = self.endpoint_state(name)
        state = "UNAVAILABLE" if shown.state == "offline" else "BUSY" if shown.channel_ids else "NOT_INUSE"
        return models.DeviceState(name=name, state=state)

    def callee_of(self, dialled: str) -> tuple[str, Callee]:
        """Endpoint and behaviour behind `8001` or `13900000001@trunk`. Raises Refusal 500."""
        number, _, trunk = dialled.rpartition("@")
        resource = trunk if number else dialled
        if (number and trunk not in self._trunks) or resource in self._unregistered:
            raise Refusal(500, "Allocation failed")
        callee = self._callees.get(number or resource)
        if callee is None and not number:
            raise Refusal(500, "Allocation failed")
        return f"PJSIP/{resource}", callee or callees.fails(404)

    def originate(self, channel: FakeChannel, dialled: str, callee: Callee, timeout: float) -> None:
        """Ring; after the answer the channel goes where it was sent."""
        self.channels[channel.id] = channel
        self.dialled.append(f"PJSIP/{dialled}")
        self._tell_endpoint(channel.endpoint)
        channel.later(self._ring(channel, dialled, callee, timeout))

    def forget(self, channel: FakeChannel) -> None:
        """The channel has ended."""
        self.channels.pop(channel.id, None)
        self.gone.append(channel)
        self._tell_endpoint(channel.endpoint)

    async def _ring(self, channel: FakeChannel, dialled: str, callee: Callee, timeout: float) -> None:
        if await callees.ring(channel, dialled, callee, timeout):
            channel.later(callees.live(channel, callee))
            await self._live(channel)

    async def _live(self, channel: FakeChannel) -> None:
        """The channel's way through the dialplan, to its end."""
        await asyncio.sleep(0)
        while not channel.ended.is_set():
            try:
                if channel.start_in is not None:
                    (name, args), channel.start_in = channel.start_in, None
                    await channel.stasis(name, args)
                    break
                if (context := self.contexts.get(channel.context)) is not None:
                    await context(channel)
                break  # also from a context that does not exist: Asterisk hangs up
            except Goto as place:
                channel.context, channel.exten = place.context, place.exten
        channel.end(16, requested=16)

    def _tell_endpoint(self, endpoint: str) -> None:
        if not self.knows_endpoint(endpoint):
            return
        for application in self.applications.values():
            times = int(application.subscribe_all or endpoint in application.endpoints)
            state, device = self.endpoint_state(endpoint), self.device_state(endpoint)
            application.tell(models.EndpointStateChange, times, timestamp=self.utc(), endpoint=state)
            times = int(application.subscribe_all or endpoint in application.devices)
            application.tell(models.DeviceStateChanged, times, timestamp=self.utc(), device_state=device)
