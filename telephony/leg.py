"""A leg we originate: a seat's phone, or a citizen we call back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from telephony.ari._generated import models as ari
from telephony.ari.client import AriClient
from telephony.ari.errors import AriError, NotFound, Refused, ServerFailed
from telephony.router import Router

How = Literal[
    "answered", "busy", "rejected", "unreachable", "no_answer", "cancelled", "no_such_number", "refused_by_us"
]

SUBSCRIBER_BUSY = {486, 600}
DECLINED = {403, 603}
ABSENT = {404, 410, 484, 604}
TIMED_OUT = {408, 480, 487}
NORMAL = (0, 16)  # Q.850: hung up by a person, or not told
LOOK_AGAIN = 5.0  # s after which a leg that should be gone is asked for again


@dataclass(frozen=True)
class Ending:
    """How a leg ended: Q.850 cause, SIP status where the far end gave one, and what they mean together."""

    how: How
    cause: int = 0
    tech_cause: int = 0
    rang: bool = False
    seen: bool = True  # False: it ended while no event came, and nobody told why

    @property
    def by_hand(self) -> bool:
        """Put down by a person; else the phone or its network failed, or may have."""
        return self.seen and self.cause in NORMAL


def meaning(*, answered: bool, rang: bool, cancelled: bool, cause: int, tech_cause: int) -> How:
    """The causes that were seen on a real Asterisk, in words (ASTERISK 6)."""
    if answered:
        return "answered"
    if cancelled:
        return "cancelled"
    if tech_cause in SUBSCRIBER_BUSY or cause == 17:
        return "busy"
    if tech_cause in DECLINED or cause == 21:
        return "rejected"
    if tech_cause in ABSENT or cause == 1:
        return "no_such_number"
    if rang and (tech_cause in TIMED_OUT or cause in (16, 18, 19)):
        return "no_answer"
    return "unreachable"


class Leg:
    """One outgoing channel, from before its request until its end.

    `answered` is set by its own StasisStart (only then may it be bridged), `ended` by its destruction.
    Both are futures that never fail and are never cancelled by us. `dismissed`: we no longer want it.
    """

    def __init__(self, identity: str, seat: str, ari_client: AriClient, router: Router) -> None:
        loop = asyncio.get_running_loop()
        self.id = identity
        self.seat = seat
        self.answered: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[Ending] = loop.create_future()
        self.dismissed = False
        self.recorder_at: str = ""  # epoch seconds, by Asterisk
        self.on_key: Callable[[str], None] | None = None
        self._ari = ari_client
        self._router = router
        self._asking = False  # the request is under way: Asterisk may not know the id yet
        self._seen = False  # an event has told that the request was carried out
        self._rang = False
        self._cancelled = False
        self._cause = 0
        self._tech_cause = 0

    @classmethod
    def living(
        cls, channel: ari.Channel, seat: str, ari_client: AriClient, router: Router, *, answered: bool
    ) -> Leg:
        """A leg that was dialled by a line before this one. `answered`: it is in our application."""
        leg = cls(channel.id, seat, ari_client, router)
        router.register(leg.id, leg.deliver, leg)
        leg._seen = True
        leg.missed(channel, answered)
        return leg

    @property
    def alive(self) -> bool:
        return not self.ended.done()

    async def dial(
        self, endpoint: str, context: str, *, ring_for: float, caller: str, variables: Mapping[str, str]
    ) -> None:
        """Ask Asterisk to ring; what becomes of it is told by `answered` and `ended`. Never raises.

        `ring_for` in seconds. The leg enters `context` when it answers, never an app directly (asterisk#2044).
        """
        if self.dismissed:
            return self._finish("cancelled")
        self._router.register(self.id, self.deliver, self)
        self._asking = True
        try:
            await self._ari.channels.originateWithId(
                channelId=self.id,
                endpoint=endpoint,
                context=context,
                extension="s",
                priority=1,
                timeout=max(1, round(ring_for)),
                callerId=caller,
                variables=dict(variables),
            )
        except ServerFailed:
            self._finish("unreachable")  # an unregistered endpoint: "Allocation failed", at once
        except Refused as refusal:
            if refusal.status != 409:  # 409 on our own id: the request had arrived before
                self._finish("refused_by_us")
        except AriError:
            if (
                not self._seen
            ):  # no reply, no event: cancel by id; should it ring all the same, nobody is lost
                await self._end()
                self._finish("refused_by_us")
        self._asking = False
        if self.dismissed and self.alive:
            await self._end()

    def deliver(self, event: ari.Event) -> None:
        """The leg's mailbox."""
        self._seen = True
        if isinstance(event, ari.StasisStart):
            self.recorder_at = (event.channel.channelvars or {}).get("MS_REC_AT", "")
            if not self.answered.done():
                self.answered.set_result(None)
        elif isinstance(event, ari.ChannelStateChange):
            self._rang = self._rang or event.channel.state in ("Ringing", "Up")
        elif isinstance(event, ari.Dial):
            self._rang = self._rang or event.dialstatus in ("RINGING", "PROGRESS", "ANSWER")
        elif isinstance(event, ari.ChannelDtmfReceived):
            if self.on_key is not None:
                self.on_key(event.digit)
        elif isinstance(event, ari.ChannelHangupRequest):
            self._causes(event.cause, event.tech_cause)
        elif isinstance(event, ari.ChannelDestroyed):
            self._causes(event.cause, event.tech_cause)
            self._finish()

    @property
    def settled(self) -> bool:
        return not self._asking

    @property
    def awaited(self) -> list[str]:
        return []  # nothing is played to it, or recorded

    async def catch_up(self, keys: list[str]) -> None:
        return None

    def missed(self, channel: ari.Channel | None, ours: bool) -> None:
        """How Asterisk shows it, after a time in which no event came."""
        if channel is None:
            self._finish(seen=False)
            return
        self._rang = self._rang or channel.state in ("Ringing", "Up")
        if ours and not self.answered.done():
            self.recorder_at = (channel.channelvars or {}).get("MS_REC_AT", "")
            self.answered.set_result(None)

    async def hang_up(self) -> None:
        """End it, ringing or talking, or as soon as it exists. Its being gone already is success. Never raises."""
        if not self.alive:
            return
        self.dismissed = True
        if not self._asking:  # else `dial` ends it: a hang-up may overtake the request, and meet nothing
            await self._end()

    async def answer(self) -> bool:
        """Wait for the answer; False when it ended without one."""
        await self._watched(self.answered, self.ended)
        return self.answered.done()

    async def over(self) -> Ending:
        """Wait for its end."""
        await self._watched(self.ended)
        return self.ended.result()

    async def _watched(self, *ends: asyncio.Future[Any]) -> None:
        """Until one of these. A leg that was dismissed is hung up again and again until it is gone."""
        while not any(end.done() for end in ends):
            await asyncio.wait(ends, timeout=LOOK_AGAIN, return_when=asyncio.FIRST_COMPLETED)
            if self.dismissed and self.alive and not self._asking:
                await self._end()

    async def _end(self) -> None:
        self._cancelled = not self.answered.done()
        try:
            await self._ari.channels.hangup(channelId=self.id, reason="normal")
        except NotFound:
            self._finish()
        except AriError:
            return  # `over` tries again; a citizen is never made to wait for it

    def _causes(self, cause: int | None, tech_cause: int | None) -> None:
        self._cause = cause or self._cause
        self._tech_cause = tech_cause or self._tech_cause

    def _finish(self, how: How | None = None, *, seen: bool = True) -> None:
        if self.ended.done():
            return
        self._router.forget(self.id)
        decided = how or meaning(
            answered=self.answered.done(),
            rang=self._rang,
            cancelled=self._cancelled,
            cause=self._cause,
            tech_cause=self._tech_cause,
        )
        self.ended.set_result(Ending(decided, self._cause, self._tech_cause, self._rang, seen))
