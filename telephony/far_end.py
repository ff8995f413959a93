"""The far end of a call: what happens to its channel, and how a dialogue waits for it.

One asyncio task per call runs its dialogue; `deliver` is its mailbox, fed in order by the router, and the only
writer of its state. A verb waits for its own result or for the caller to be gone, and only verbs raise
(`telephony.turns`). Outside a bridge the channel always carries outgoing sound, since the recorder writes
nothing while no side sends (ASTERISK 12).
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from telephony.ari._generated import models as ari
from telephony.ari.client import AriClient
from telephony.ari.errors import AriError, NotFound, Refused
from telephony.router import Router
from telephony.turns import CallerGone, Overstayed, PersonReady, Turn

T = TypeVar("T")

LEAVING = (
    1.0  # s in which the event of a channel on its way out arrives, after a request about it was refused
)


@dataclass(frozen=True)
class Missed:
    """Stands for the event that was to come: what it would have told of is over."""


class FarEnd:
    """`id` is the linkedid; `channel` the far end's channel; `caller` its number, "" when withheld."""

    def __init__(
        self, ari_client: AriClient, router: Router, identity: str, channel: str, caller: str
    ) -> None:
        loop = asyncio.get_running_loop()
        self.id = identity
        self.channel = channel
        self.caller = caller
        self.gone: asyncio.Future[None] = loop.create_future()
        self.destroyed: asyncio.Future[None] = (
            loop.create_future()
        )  # the channel is no more; `cause` is known
        self.turn: asyncio.Future[Turn] = loop.create_future()
        self.cause = 0
        self.patience: float | None = None  # s, the longest wait for a result that has no time of its own
        self.on_key: Callable[[str], None] = lambda digit: None  # keys that answer no question
        self._ari = ari_client
        self._router = router
        self._interruptible = False
        self._asking = ""  # keys that an open question takes as its answer
        self._answer: asyncio.Future[str] | None = None
        self._early: deque[str] = deque()
        self._pending: dict[str, asyncio.Future[ari.Event | Missed]] = {}
        self._begun: set[str] = set()  # of these, what Asterisk has said it does
        self._serial = itertools.count(1)
        self._mark = secrets.token_hex(3)  # no id repeats one that an earlier line, or call object, gave out
        router.register(channel, self.deliver, self)

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

    # What was missed while no event came -------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        return True  # its channel was there before it

    @property
    def awaited(self) -> list[str]:
        return [key for key in self._pending if key in self._begun]

    def missed(self, channel: ari.Channel | None, ours: bool) -> None:
        """The verbs learn of an end; of anything else they never learn that events were lost."""
        if channel is None:
            self._router.forget(self.channel)
            self._set(self.gone)
            self._set(self.destroyed)
        elif not ours:
            self._set(self.gone)

    async def catch_up(self, keys: list[str]) -> None:
        """What is no longer there has ended as it should: its verb goes on."""
        for key in keys:
            kind, _, name = key.partition(":")
            try:
                if kind == "playback":
                    await self._ari.playbacks.get(playbackId=name)
                else:
                    await self._ari.recordings.getLive(recordingName=name)
            except NotFound:
                self._settle(key, Missed())
            except AriError:
                continue  # it does not say: then the stage's patience ends the wait

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

    def _settle(self, key: str, event: ari.Event | Missed) -> None:
        self._router.forget(key)
        self._begun.discard(key)
        waiter = self._pending.pop(key, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(event)

    def _expect(self, key: str) -> asyncio.Future[ari.Event | Missed]:
        waiter: asyncio.Future[ari.Event | Missed] = asyncio.get_running_loop().create_future()
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
        """The result; None after `within` seconds, or when `or_else` came first. Raises `telephony.turns`.

        Without `within` the stage's patience holds, and then it is `Overstayed`.
        """
        waiters: list[asyncio.Future[Any]] = [result, self.gone]
        if self._interruptible:
            waiters.append(self.turn)
        if or_else is not None:
            waiters.append(or_else)
        limit = self.patience if within is None else within
        done, _ = await asyncio.wait(waiters, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if self.gone.done():
            raise CallerGone
        if self._interruptible and self.turn.done():
            turn = self.turn.result()
            self.turn_taken()
            raise turn
        if within is None and not done:
            raise Overstayed
        return result.result() if result.done() else None

    async def _begin(self, key: str, request: Awaitable[Any]) -> None:
        """A request whose result is told later, under `key`. Raises like `_request`."""
        await self._request(request)
        if key in self._pending:
            self._begun.add(key)

    async def _request(self, request: Awaitable[T]) -> T:
        """An ARI request about the caller's channel: 404 means that the caller is gone.

        Any other refusal may mean that the channel is on its way out, or was taken elsewhere: its event tells.
        """
        if self.gone.done():
            if asyncio.iscoroutine(request):
                request.close()
            raise CallerGone
        try:
            return await request
        except NotFound:
            raise CallerGone from None
        except Refused:
            await asyncio.wait({self.gone}, timeout=LEAVING)
            if self.gone.done():
                raise CallerGone from None
            raise

    # Keys -----------------------------------------------------------------------------------------------

    @contextmanager
    def open_question(self, keys: str) -> Iterator[None]:
        self._early.clear()
        self._asking = keys
        try:
            yield
        finally:
            self._asking = ""
            self._answer = None

    def next_key(self) -> asyncio.Future[str]:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self._early:
            answer.set_result(self._early.popleft())
        self._answer = answer
        return answer

    def _forget(self, key: str) -> None:
        self._router.forget(key)
        self._begun.discard(key)
        self._pending.pop(key, None)
