"""One call: the person at the far end, what we say to them, ask them, and whom we join them with.

One asyncio task per call runs its dialogue; `deliver` is its mailbox, fed in order by the router, and the only
writer of its state. A verb waits for its own result or for the caller to be gone, and only verbs raise
(`telephony.turns`). Outside a bridge the channel always carries outgoing sound, since the recorder writes
nothing while no side sends (ASTERISK 12).
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import structlog

from telephony.ari._generated import models as ari
from telephony.ari.client import AriClient
from telephony.ari.errors import AriError, Conflict, NotFound
from telephony.leg import Leg
from telephony.router import Router
from telephony.turns import CallerGone, PersonReady, Turn

T = TypeVar("T")
log = structlog.get_logger()


@dataclass(frozen=True)
class Clip:
    """One recorded answer. `talked` is in seconds; 0 means that nobody was heard."""

    name: str
    seconds: float
    talked: float


EndedBy = Literal["caller", "operator"]


class Call:
    """`id` is the linkedid; `channel` the far end's channel; `caller` its number, "" when withheld."""

    def __init__(
        self, ari_client: AriClient, router: Router, identity: str, channel: str, caller: str
    ) -> None:
        loop = asyncio.get_running_loop()
        self.id = identity
        self.channel = channel
        self.caller = caller
        self.gone: asyncio.Future[None] = loop.create_future()
        self.destroyed: asyncio.Future[None] = loop.create_future()  # the channel is no more; `cause` is known
        self.turn: asyncio.Future[Turn] = loop.create_future()
        self.cause = 0
        self.on_key: Callable[[str], None] = lambda digit: None  # keys that answer no question
        self.let_go = False  # we ended it, not the caller
        self._ari = ari_client
        self._router = router
        self._interruptible = False
        self._asking = ""  # keys that an open question takes as its answer
        self._answer: asyncio.Future[str] | None = None
        self._early: deque[str] = deque()
        self._pending: dict[str, asyncio.Future[ari.Event]] = {}
        self._serial = itertools.count(1)
        self._quiet = False
        self._bridge: str | None = None
        self._legs: list[Leg] = []
        router.register(channel, self.deliver)

    # The mailbox ----------------------------------------------------------------------------------------

    def deliver(self, event: ari.Event) -> None:
        """What happened to the channel, its playbacks and its clips, in order."""
        if isinstance(event, ari.ChannelDtmfReceived):
            self._key(event.digit)
        elif isinstance(event, ari.PlaybackFinished):
            self._settle(f"playback:{event.playback.id}", event)
        elif isinstance(event, ari.RecordingFinished | ari.RecordingFailed):
            self._settle(f"recording:{event.recording.name}", event)
        elif isinstance(event, ari.ChannelHangupRequest):
            self.cause = event.cause or self.cause
        elif isinstance(event, ari.StasisEnd):
            self._set(self.gone)
        elif isinstance(event, ari.ChannelDestroyed):
            self.cause = event.cause or self.cause
            self._router.forget(self.channel)
            self._set(self.gone)
            self._set(self.destroyed)

    def superseded(self) -> None:
        """The same channel has come to us anew: another `Call` speaks with it now."""
        self._set(self.gone)
        self._set(self.destroyed)

    @staticmethod
    def _set(future: asyncio.Future[None]) -> None:
        if not future.done():
            future.set_result(None)

    def _key(self, digit: str) -> None:
        if digit not in self._asking:
            self.on_key(digit)
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result(digit)
        else:
            self._early.append(digit)  # pressed faster than we ask

    def _settle(self, key: str, event: ari.Event) -> None:
        self._router.forget(key)
        waiter = self._pending.pop(key, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(event)

    def _expect(self, key: str) -> asyncio.Future[ari.Event]:
        waiter: asyncio.Future[ari.Event] = asyncio.get_running_loop().create_future()
        self._pending[key] = waiter
        self._router.register(key, self.deliver)
        return waiter

    # Waiting --------------------------------------------------------------------------------------------

    @contextmanager
    def interruptible(self, allowed: bool = True) -> Iterator[None]:
        """Inside, a person who answers (`PersonReady`) or is wanted (`PersonWanted`) breaks into any verb."""
        before, self._interruptible = self._interruptible, allowed
        try:
            yield
        finally:
            self._interruptible = before

    def interrupt(self, turn: Turn) -> None:
        """Break into the dialogue now, or when it next becomes interruptible. A person outranks a wish for one."""
        if self.turn.done() and isinstance(turn, PersonReady):
            self.turn = asyncio.get_running_loop().create_future()
        if not self.turn.done():
            self.turn.set_result(turn)

    def turn_taken(self) -> None:
        """The dialogue has followed the interruption; the next one may come."""
        self.turn = asyncio.get_running_loop().create_future()

    async def until(
        self,
        result: asyncio.Future[T],
        within: float | None = None,
        or_else: asyncio.Future[str] | None = None,
    ) -> T | None:
        """The result; None after `within` seconds, or when `or_else` came first. Raises `telephony.turns`."""
        waiters: list[asyncio.Future[Any]] = [result, self.gone]
        if self._interruptible:
            waiters.append(self.turn)
        if or_else is not None:
            waiters.append(or_else)
        await asyncio.wait(waiters, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if self.gone.done():
            raise CallerGone
        if self._interruptible and self.turn.done():
            turn = self.turn.result()
            self.turn_taken()
            raise turn
        return result.result() if result.done() else None

    async def _request(self, request: Awaitable[T]) -> T:
        """An ARI request about the caller's channel: 404 means that the caller is gone."""
        if self.gone.done():
            if asyncio.iscoroutine(request):
                request.close()
            raise CallerGone
        try:
            return await request
        except NotFound:
            raise CallerGone from None

    # Verbs: sound ---------------------------------------------------------------------------------------

    async def say(self, *media: str, unless: asyncio.Future[str] | None = None) -> None:
        """Play these, one after the other. Stops as soon as `unless` is there, a person joins or the caller goes."""
        for one in media:
            if unless is not None and unless.done():
                break
            playback = f"{self.channel}.p{next(self._serial)}"
            finished = self._expect(f"playback:{playback}")
            await self._request(
                self._ari.channels.playWithId(channelId=self.channel, playbackId=playback, media=[one])
            )
            self._quiet = False  # a playback ends the silence generator
            try:
                await self.until(finished, or_else=unless)
            finally:
                if not finished.done():
                    await self._stop_playback(playback)
        await self.quiet()

    async def _stop_playback(self, playback: str) -> None:
        self._forget(f"playback:{playback}")
        with suppress(AriError):  # over already
            await self._ari.playbacks.stop(playbackId=playback)

    def _forget(self, key: str) -> None:
        self._router.forget(key)
        self._pending.pop(key, None)

    async def quiet(self) -> None:
        """Silence that is really sent, so that the recorder's clock runs on."""
        if not self._quiet:
            await self._request(self._ari.channels.startSilence(channelId=self.channel))
            self._quiet = True

    async def pause(self, seconds: float) -> None:
        """Wait, sending silence."""
        await self.quiet()
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self.until(never, within=seconds)

    async def stay(self) -> None:
        """Wait until the caller goes or the stage is interrupted."""
        await self.quiet()
        await self.until(asyncio.get_running_loop().create_future())

    # Verbs: answers -------------------------------------------------------------------------------------

    async def ask(self, *media: str, keys: str, within: float) -> str | None:
        """Say this and wait for one of `keys`, already while it is being said; None after `within` s of none.

        While the question is open these keys are its answer, 0 and 1 too; other keys keep their meaning.
        """
        with self._open_question(keys):
            pressed = self._next_key()
            await self.say(*media, unless=pressed)
            return await self.until(pressed, within=within)

    async def digits(self, *media: str, longest: int, within: float) -> str:
        """Say this, then take digits until `#`, `longest` of them, or `within` s without one."""
        taken = ""
        with self._open_question("0123456789#"):
            first = self._next_key()
            await self.say(*media, unless=first)
            digit = await self.until(first, within=within)
            while digit is not None and digit != "#":
                taken += digit
                if len(taken) == longest:
                    break
                digit = await self.until(self._next_key(), within=within)
        return taken

    @contextmanager
    def _open_question(self, keys: str) -> Iterator[None]:
        self._early.clear()
        self._asking = keys
        try:
            yield
        finally:
            self._asking = ""
            self._answer = None

    def _next_key(self) -> asyncio.Future[str]:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self._early:
            answer.set_result(self._early.popleft())
        self._answer = answer
        return answer

    async def clip(self, name: str, *, longest: float, ends_after: float) -> Clip:
        """Record what is said now until `#`, `ends_after` s of silence, or `longest` s. Also in the call's recording."""
        finished = self._expect(f"recording:{name}")
        await self._request(
            self._ari.channels.record(
                channelId=self.channel,
                name=name,
                format="wav",
                maxDurationSeconds=round(longest),
                maxSilenceSeconds=max(1, round(ends_after)),
                ifExists="overwrite",
                terminateOn="#",
            )
        )
        try:
            event = await self.until(finished)
        except Turn:
            await self._stop_clip(name)  # addChannel while recording is refused (409)
            raise
        recording = getattr(event, "recording", None)
        if not isinstance(event, ari.RecordingFinished) or recording is None:
            return Clip(name, 0.0, 0.0)
        talked = recording.talking_duration
        duration = float(recording.duration or 0)
        return Clip(name, duration, float(talked) if talked is not None else duration)

    async def _stop_clip(self, name: str) -> None:
        self._forget(f"recording:{name}")
        with suppress(AriError):  # it has ended with its channel
            await self._ari.recordings.stop(recordingName=name)

    # Verbs: state and other channels --------------------------------------------------------------------

    async def note_state(self, state: str) -> None:
        """`MS_STATE` on the channel: what a restart needs."""
        try:
            await self._ari.channels.setChannelVar(channelId=self.channel, variable="MS_STATE", value=state)
        except AriError:
            log.debug("state_not_noted", call=self.id)

    async def hang_up(self) -> None:
        """Let the caller go. Being gone already is success."""
        self.let_go = True
        try:
            await self._ari.channels.setChannelVar(channelId=self.channel, variable="MS_DONE", value="1")
            await self._ari.channels.hangup(channelId=self.channel, reason="normal")
        except NotFound:
            pass

    async def to_fallback(self) -> None:
        """Hand the caller to the dialplan, which rings everyone: our last word when we are at fault."""
        await self._ari.channels.continueInDialplan(
            channelId=self.channel, context="ms-fallback", extension="s", priority=1
        )

    async def talk(self, leg: Leg, *announcement: str) -> EndedBy:
        """Join the caller and an answered leg until either ends. Returns who ended it; never raises `CallerGone`."""
        self._legs.append(leg)
        bridge = f"{self.id}.b{next(self._serial)}"
        try:
            await self._ari.bridges.createWithId(bridgeId=bridge, type="mixing")
            self._bridge = bridge
            if self._quiet:
                await self._ari.channels.stopSilence(
                    channelId=self.channel
                )  # in a bridge it deafens the caller
                self._quiet = False
            await self._ari.bridges.addChannel(bridgeId=bridge, channel=[self.channel])
            await self._ari.bridges.addChannel(bridgeId=bridge, channel=[leg.id], absorbDTMF=True)
            for one in announcement:
                await self._ari.bridges.play(bridgeId=bridge, media=[one])
            await asyncio.wait({self.gone, leg.ended}, return_when=asyncio.FIRST_COMPLETED)
        except (NotFound, Conflict):
            pass  # one of them went while being joined: told apart below
        finally:
            await leg.hang_up()
            await self._drop_bridge()
        return "caller" if self.gone.done() else "operator"

    async def _drop_bridge(self) -> None:
        bridge, self._bridge = self._bridge, None
        if bridge is None:
            return
        try:
            await self._ari.bridges.destroy(bridgeId=bridge)
        except AriError:
            log.debug("bridge_gone", call=self.id)

    async def close(self) -> None:
        """Tear down what is left of the tree: legs, bridge, waiters."""
        for leg in self._legs:
            await leg.hang_up()
        await self._drop_bridge()
        for key in list(self._pending):
            self._forget(key)
