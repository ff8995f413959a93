"""One call: what we say to the person at the far end, what we ask them, and whom we join them with.

Outside a bridge the channel always carries outgoing sound, since the recorder writes nothing while no side sends
(ASTERISK 12); in a bridge the silence generator would deafen the caller, and is off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import structlog

from telephony.ari._generated import models as ari
from telephony.ari.client import AriClient
from telephony.ari.errors import AriError, Conflict, NotFound, Refused
from telephony.far_end import LEAVING, FarEnd
from telephony.leg import Leg
from telephony.router import Router
from telephony.turns import CallerGone, Overstayed, Turn

log = structlog.get_logger()


@dataclass(frozen=True)
class Clip:
    """One recorded answer, as Asterisk keeps it by name; whether anybody is heard in it is for the dialogue."""

    name: str
    seconds: float


EndedBy = Literal["caller", "operator", "phone"]  # phone: the operator's failed, nobody put it down

CLIP_GRACE = 10.0  # s beyond a clip's longest in which Asterisk tells its end
ASK_WHETHER_OVER = 10.0  # s without the event of a channel's end
INSIST_EVERY = 1.0  # s between two tries of what the citizen must not be left without


class Call(FarEnd):
    """The verbs of a dialogue. Each waits for its result or raises what `telephony.turns` says."""

    def __init__(
        self, ari_client: AriClient, router: Router, identity: str, channel: str, caller: str
    ) -> None:
        super().__init__(ari_client, router, identity, channel, caller)
        self._quiet = False
        self._bridge: str | None = None
        self._legs: list[Leg] = []

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
            except Exception:
                await self._stop_playback(playback)
                raise
            if not finished.done():
                await self._stop_playback(playback)
        await self.quiet()

    async def _stop_playback(self, playback: str) -> None:
        self._forget(f"playback:{playback}")
        with suppress(AriError):  # over already
            await self._ari.playbacks.stop(playbackId=playback)

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

    # Verbs: answers -------------------------------------------------------------------------------------

    async def ask(self, *media: str, keys: str, within: float) -> str | None:
        """Say this and wait for one of `keys`, already while it is being said; None after `within` s of none.

        While the question is open these keys are its answer, 0 and 1 too; other keys keep their meaning.
        """
        with self.open_question(keys):
            pressed = self.next_key()
            await self.say(*media, unless=pressed)
            return await self.until(pressed, within=within)

    async def digits(self, *media: str, longest: int, within: float) -> str:
        """Say this, then take digits until `#`, `longest` of them, or `within` s without one."""
        taken = ""
        with self.open_question("0123456789#"):
            first = self.next_key()
            await self.say(*media, unless=first)
            digit = await self.until(first, within=within)
            while digit is not None and digit != "#":
                taken += digit
                if len(taken) == longest:
                    break
                digit = await self.until(self.next_key(), within=within)
        return taken

    async def clip(
        self, name: str, *, longest: float, ends_after: float, unless: asyncio.Future[str] | None = None
    ) -> Clip:
        """Record what is said now until `#`, `ends_after` s of silence, or `longest` s; in the call's recording too.

        Stops as soon as `unless` is there; the clip is then of no length.
        """
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
        self._quiet = False  # recording ends the silence generator too
        try:
            event = await self.until(finished, within=longest + CLIP_GRACE, or_else=unless)
        except Turn:
            await self._stop_clip(name)  # addChannel while recording is refused (409)
            raise
        if event is None and unless is not None and unless.done():
            await self._stop_clip(name)
        elif event is None:
            raise Overstayed
        await self.quiet()
        recording = getattr(event, "recording", None)
        if not isinstance(event, ari.RecordingFinished) or recording is None:
            return Clip(name, 0.0)
        return Clip(name, float(recording.duration or 0))

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
        """Let the caller go. Being gone, or with the dialplan, already is success."""
        await self._insist(self._hang_up)

    async def to_fallback(self) -> None:
        """Hand the caller to the dialplan, which rings everyone: our last word when we are at fault."""
        await self._insist(
            lambda: self._ari.channels.continueInDialplan(
                channelId=self.channel, context="ms-fallback", extension="s", priority=1
            )
        )

    async def _hang_up(self) -> None:
        await self._ari.channels.setChannelVar(channelId=self.channel, variable="MS_DONE", value="1")
        await self._ari.channels.hangup(channelId=self.channel, reason="normal")

    async def _insist(self, request: Callable[[], Awaitable[None]]) -> None:
        """Until Asterisk has done it: nobody is left in our hands while we can do nothing for them."""
        while not self.gone.done():
            try:
                return await request()
            except (NotFound, Conflict):  # no longer there, or no longer ours
                return
            except AriError as error:
                log.warning("asked_again", call=self.id, error=str(error))
                await asyncio.wait({self.gone}, timeout=INSIST_EVERY)

    async def join(self, leg: Leg) -> bool:
        """Bring the caller and an answered leg together; False when the leg ended meanwhile. Raises `CallerGone`."""
        self._legs.append(leg)
        self._bridge = bridge = f"{self.id}.b{next(self._serial)}"
        try:
            await self._ari.bridges.createWithId(bridgeId=bridge, type="mixing")
            if self._quiet:  # in a bridge it deafens the caller
                await self._ari.channels.stopSilence(channelId=self.channel)
                self._quiet = False
            await self._ari.bridges.addChannel(bridgeId=bridge, channel=[self.channel])
            await self._ari.bridges.addChannel(bridgeId=bridge, channel=[leg.id], absorbDTMF=True)
        except Refused:  # one of them went while being joined; its event says which
            ends: list[asyncio.Future[Any]] = [self.gone, leg.ended]
            done, _ = await asyncio.wait(ends, timeout=LEAVING, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise
        if self.gone.done():
            raise CallerGone
        if leg.alive:
            return True
        await self._part(leg)
        return False

    async def talk(self, leg: Leg, *announcement: str) -> EndedBy:
        """Let them talk, once joined, until either ends. Returns who ended it; never raises `CallerGone`."""
        bridge = self._bridge or ""
        if announcement:
            with suppress(AriError):  # unannounced, they talk all the same
                await self._ari.bridges.play(bridgeId=bridge, media=list(announcement))
        ends: list[asyncio.Future[Any]] = [self.gone, leg.ended]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if self.gone.done():
            ended_by: EndedBy = "caller"
        else:
            ended_by = "operator" if leg.ended.result().by_hand else "phone"
        await self._part(leg)
        return ended_by

    async def _part(self, leg: Leg) -> None:
        await leg.hang_up()
        await self._drop_bridge()

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

    async def until_destroyed(self) -> None:
        """Wait for the channel's very end, wherever it went. Asterisk is asked when its event may have been lost."""
        while not self.destroyed.done():
            await asyncio.wait({self.destroyed}, timeout=ASK_WHETHER_OVER)
            if not self.destroyed.done() and await self._is_over():
                self._router.forget(self.channel)
                return

    async def _is_over(self) -> bool:
        try:
            await self._ari.channels.get(channelId=self.channel)
        except NotFound:
            return True
        except AriError:
            return False  # it does not say
        return False
