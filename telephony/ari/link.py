"""The event link: one websocket held open, its messages in a queue that loses nothing, its age known."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import structlog

from telephony.ari._generated.models import ApplicationReplaced
from telephony.ari.events import LinkLost, LinkUp, Message, decode
from telephony.ari.transport import Broken, EventSocket, Sign, Transport

log = structlog.get_logger()

FIRST_PAUSE = 0.1  # seconds before the second attempt; doubles up to
LONGEST_PAUSE = 2.0  # seconds: Asterisk is on this machine, asking it costs nothing
REMEMBERED = 64  # messages in which a repetition is looked for


class EventLink:
    """Keeps the socket open from `start()` to `stop()`; `ping_every` and `dead_after` are seconds."""

    def __init__(
        self, transport: Transport, query: dict[str, str], ping_every: float = 0.5, dead_after: float = 3.0
    ) -> None:
        self._transport = transport
        self._query = query
        self._ping_every = ping_every
        self._dead_after = dead_after
        self._messages: asyncio.Queue[Message] = asyncio.Queue()  # unbounded: a slow reader loses nothing
        self._task: asyncio.Task[None] | None = None
        self._seen = float("-inf")  # loop time of the last sign of life
        self.is_up = False

    @property
    def age(self) -> float:
        """Seconds since Asterisk last answered a ping or the link came up; infinite before the first link."""
        return asyncio.get_running_loop().time() - self._seen

    def start(self) -> None:
        """Begin to connect, in a task of its own."""
        self._task = asyncio.create_task(self._keep(), name="ari-link")

    async def stop(self) -> None:
        """Close the socket; no further message comes."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def messages(self) -> AsyncIterator[Message]:
        """Messages in the order of their arrival, for ever. For one reader."""
        while True:
            yield await self._messages.get()

    async def _keep(self) -> None:
        """Connect, serve, connect again. No fault of ours ends it: without events the line would be blind."""
        pause, again, last_why = FIRST_PAUSE, False, ""
        while True:
            try:
                socket = await self._transport.open_events(self._query)
                pause, last_why = FIRST_PAUSE, ""
                lost = await self._serve(socket, again)
                again = True
                if lost.replaced:
                    return
            except Broken as error:
                if str(error) != last_why:  # the same failure is told once
                    last_why = str(error)
                    log.warning("ari_link_refused", why=last_why)
            except Exception:
                log.exception("ari_link_fault")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _serve(self, socket: EventSocket, again: bool) -> LinkLost:
        self._live()
        self.is_up = True
        self._messages.put_nowait(LinkUp(again=again))
        log.info("ari_link_up", again=again)
        beating = asyncio.create_task(self._beat(socket), name="ari-link-beat")
        reading = asyncio.create_task(self._read(socket), name="ari-link-read")
        try:
            done, _ = await asyncio.wait({beating, reading}, return_when=asyncio.FIRST_COMPLETED)
            lost = (reading if reading in done else beating).result()
        except Exception:
            log.exception("ari_link_fault")
            lost = LinkLost(why="fault")
        finally:
            self.is_up = False
            beating.cancel()
            reading.cancel()
            await socket.close()
        self._messages.put_nowait(lost)
        log.warning("ari_link_lost", why=lost.why, replaced=lost.replaced)
        return lost

    async def _read(self, socket: EventSocket) -> LinkLost:
        """Events into the queue. One that Asterisk tells twice is passed on once.

        A channel in our application whose endpoint is subscribed too tells each of its events twice, byte by
        byte the same, one close behind the other (22.10.1, measured): a key would count as two.
        """
        recent: deque[bytes] = deque(maxlen=REMEMBERED)
        while True:
            text = await socket.receive()
            if text is Sign.CLOSED:
                return LinkLost(why="closed")
            if text is Sign.PONG:
                self._live()
                continue
            if text in recent:
                continue
            recent.append(text)
            event = decode(text)
            if event is None:
                continue
            self._messages.put_nowait(event)
            if isinstance(event, ApplicationReplaced):
                # Nothing more comes on this socket, and to connect again would only throw the other one out.
                return LinkLost(why="replaced", replaced=True)

    async def _beat(self, socket: EventSocket) -> LinkLost:
        while self.age < self._dead_after:
            try:
                await socket.ping()
            except Broken as error:
                return LinkLost(why=str(error))
            await asyncio.sleep(self._ping_every)
        return LinkLost(why="no pong")

    def _live(self) -> None:
        self._seen = asyncio.get_running_loop().time()
