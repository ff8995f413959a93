"""Playbacks and recordings of one channel or bridge: a queue, one at a time, as Asterisk does them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from telephony.ari._generated import models

if TYPE_CHECKING:
    from telephony.fake.asterisk import FakeAsterisk

SCHEMES = ("sound", "recording", "digits", "number", "characters", "tone")


class Target(Protocol):
    """What media is played to or recorded from."""

    world: FakeAsterisk

    @property
    def uri(self) -> str:
        """`channel:ID` or `bridge:ID`."""

    def tell(self, kind: type[models.Event], **fields: object) -> None:
        """Tell an event to those subscribed."""

    def speech_ends_at(self) -> float:
        """Loop time at which the last words heard here ended or will end; -inf if none."""


class Item:
    """One thing of the queue."""

    id: str

    def __init__(self, target: Target) -> None:
        self.target = target
        self.stopped = asyncio.Event()
        self.poked = asyncio.Event()  # something changed that a deadline depends on
        self.aborted = False  # the channel has gone

    def stop(self) -> None:
        self.stopped.set()
        self.poked.set()

    async def pause(self, seconds: float) -> None:
        """Wait, unless stopped or poked before."""
        self.poked.clear()
        if not self.stopped.is_set():
            waiting = asyncio.ensure_future(self.poked.wait())
            try:
                await asyncio.wait({waiting}, timeout=seconds)
            finally:
                waiting.cancel()

    async def run(self) -> None:
        raise NotImplementedError

    def abort(self) -> None:
        raise NotImplementedError


class Playback(Item):
    """One or more media played after another."""

    def __init__(self, target: Target, id: str, media: list[str], language: str) -> None:
        super().__init__(target)
        self.id, self.media, self.language = id, media, language
        self.index, self.state = 0, "queued"
        self.started_at: float | None = None

    def described(self) -> models.Playback:
        following = self.media[self.index + 1] if self.index + 1 < len(self.media) else None
        return models.Playback(
            id=self.id,
            media_uri=self.media[self.index],
            next_media_uri=following,
            target_uri=self.target.uri,
            language=self.language,
            state=self.state,
        )

    async def run(self) -> None:
        world = self.target.world
        for index, uri in enumerate(self.media):
            self.index = index
            if self.stopped.is_set():
                break
            if index:
                self._tell(models.PlaybackContinuing, "continuing")
            self.started_at = world.now()
            self._tell(models.PlaybackStarted, "playing")
            if uri.split(":")[0] not in SCHEMES:
                world.playbacks.pop(self.id, None)
                return  # measured: such a playback is started and never finished
            if uri in world.missing_media:
                return self._finish("failed")
            await self.pause(world.seconds_of(uri))
        self._finish("done")

    def abort(self) -> None:
        """The channel has gone: what was queued is still started, and all of it fails."""
        self.aborted = True
        self.stop()
        if self.state == "queued":
            self._tell(models.PlaybackStarted, "playing")
        self._finish("failed")

    def _finish(self, state: str) -> None:
        if self.state not in ("done", "failed"):
            self.target.world.playbacks.pop(self.id, None)
            self._tell(models.PlaybackFinished, state)

    def _tell(self, kind: type[models.Event], state: str) -> None:
        self.state = state
        self.target.tell(kind, playback=self.described())


class Recording(Item):
    """One clip; ends by stop, length, silence or key, and with its channel."""

    def __init__(
        self, target: Target, name: str, format: str, longest: float, silence: float, terminate_on: str
    ) -> None:
        super().__init__(target)
        self.id, self.name, self.format = name, name, format
        self.longest, self.silence, self.terminate_on = longest, silence, terminate_on
        self.state, self.keep, self.started_at = "queued", True, 0.0
        self.duration: int | None = None
        self.silent: int | None = None

    def described(self, cause: str | None = None) -> models.LiveRecording:
        talking = (
            self.duration - self.silent if self.duration is not None and self.silent is not None else None
        )
        return models.LiveRecording(
            name=self.name,
            format=self.format,
            target_uri=self.target.uri,
            state=self.state,
            duration=self.duration,
            talking_duration=talking,
            silence_duration=self.silent,
            cause=cause,
        )

    def key(self, digit: str) -> None:
        """A key was pressed on the channel."""
        if self.terminate_on == digit or self.terminate_on == "any":
            self.stop()

    async def run(self) -> None:
        world = self.target.world
        self.started_at = world.now()
        self._tell(models.RecordingStarted, "recording")
        while not self.stopped.is_set() and (left := self._ends_at() - world.now()) > 0:
            await self.pause(left)
        self._finish()

    def abort(self) -> None:
        """The channel has gone: a running recording ends well, a queued one fails."""
        self.aborted = True
        self.stop()
        if self.state == "queued":
            self.fail("The channel has hung up")
        else:
            self._finish()

    def fail(self, cause: str) -> None:
        """It never began."""
        self.target.world.recordings.pop(self.name, None)
        self.state = "failed"
        self.target.tell(models.RecordingFailed, recording=self.described(cause))

    def _ends_at(self) -> float:
        ends = [self.started_at + self.longest] if self.longest else []
        if self.silence:
            ends.append(max(self.started_at, self.target.speech_ends_at()) + self.silence)
        return min(ends, default=self.started_at + 86400.0)

    def _finish(self) -> None:
        if self.state != "recording":
            return
        world = self.target.world
        self.duration = int(world.now() - self.started_at)
        if self.silence:
            self.silent = int(
                min(world.now() - max(self.started_at, self.target.speech_ends_at()), self.duration)
            )
            self.silent = max(self.silent, 0)
        world.recordings.pop(self.name, None)
        if self.keep:
            world.stored[self.name] = self.format
        self._tell(models.RecordingFinished, "done")

    def _tell(self, kind: type[models.Event], state: str) -> None:
        self.state = state
        self.target.tell(kind, recording=self.described())


class Media:
    """The queue of a channel or bridge."""

    def __init__(self, world: FakeAsterisk) -> None:
        self._world = world
        self._queue: deque[Item] = deque()
        self._task: asyncio.Task[None] | None = None
        self.current: Item | None = None

    def add(self, item: Item) -> None:
        """Do it after all that was asked for before."""
        self._queue.append(item)
        if self._task is None or self._task.done():
            self._task = self._world.spawn(self._work())

    @property
    def recording(self) -> Recording | None:
        """The recording that runs or waits, if any: while there is one the channel enters no bridge."""
        items = ([self.current] if self.current else []) + list(self._queue)
        return next((item for item in items if isinstance(item, Recording)), None)

    def poke(self) -> None:
        """Somebody spoke: the running recording looks at its deadline again."""
        if isinstance(self.current, Recording):
            self.current.poked.set()

    def abort(self) -> None:
        """The channel or bridge has gone."""
        items = ([self.current] if self.current else []) + list(self._queue)
        self._queue.clear()
        for item in items:
            item.abort()

    async def _work(self) -> None:
        while self._queue:
            self.current = self._queue.popleft()
            await self.current.run()
            self.current = None
