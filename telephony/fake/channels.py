"""One channel of the fake: what Asterisk does with it, and what the person at its other end does."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from telephony.ari._generated import models
from telephony.fake.media import Media, Playback
from telephony.fake.refusal import Refusal

if TYPE_CHECKING:
    from telephony.fake.applications import Application
    from telephony.fake.asterisk import FakeAsterisk
    from telephony.fake.bridges import FakeBridge

CAUSES = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    21: "Call Rejected",
    34: "Circuit/channel congestion",
}


class Goto(Exception):
    """`continue` sent the channel to another place of the dialplan."""

    def __init__(self, context: str, exten: str) -> None:
        super().__init__(context)
        self.context, self.exten = context, exten


class Broadcast:
    """A StasisBroadcast under way, or won."""

    def __init__(self) -> None:
        self.winner: str | None = None
        self.claimed = asyncio.Event()


class FakeChannel:
    """A channel. The upper methods are the person's (press, speak, hang_up, hears), the lower ones Asterisk's."""

    def __init__(
        self,
        world: FakeAsterisk,
        id: str,
        endpoint: str,
        *,
        state: str,
        caller: str = "",
        context: str = "",
        exten: str = "s",
        variables: dict[str, str] | None = None,
    ) -> None:
        self.world, self.id, self.endpoint, self.state = world, id, endpoint, state
        self.name = f"{endpoint}-{world.next_number():08x}"
        self.caller, self.context, self.exten = caller, context, exten
        self.doing = ("", "")  # dialplan application and its data
        self.variables = dict(variables or {})
        self.created = world.utc()
        self.application: Application | None = None  # whose Stasis it is in
        self.bridge: FakeBridge | None = None
        self.broadcast: Broadcast | None = None
        self.media = Media(world)
        self.silence = self.music = self.ringback = False
        self.played: list[Playback] = []
        self.keys_sent = ""  # DTMF that the application sent to the person
        self.ended = asyncio.Event()
        self.cause = 0
        self.kept_subscription: Application | None = None  # originate with app= keeps it to the very end
        self.start_in: tuple[str, tuple[str, ...]] | None = None  # application and arguments of originate
        self.dialled = ""  # what an originate dialled
        self._left: asyncio.Future[Goto | None] | None = None
        self._spoken_until = float("-inf")
        self._tasks: set[asyncio.Task[None]] = set()

    # What the person does

    def press(self, keys: str) -> None:
        """Press keys now; does nothing once the call has ended."""
        for digit in keys:
            if self.ended.is_set():
                return
            self.tell(models.ChannelDtmfReceived, digit=digit, duration_ms=120)
            recording = self.media.recording
            if recording is not None and recording is self.media.current:
                recording.key(digit)

    def speak(self, seconds: float) -> None:
        """Say something that takes so long, from now on."""
        self._spoken_until = max(self._spoken_until, self.world.now() + seconds)
        if "TALK_DETECT(set)" in self.variables:
            self.tell(models.ChannelTalkingStarted)
            self.later(self._fall_silent(seconds))
        self.media.poke()

    async def _fall_silent(self, seconds: float) -> None:
        await asyncio.sleep(seconds + 0.4)
        self.tell(models.ChannelTalkingFinished, duration=int(seconds * 1000))

    def hang_up(self, cause: int = 16) -> None:
        """Put the phone down."""
        self.end(cause, soft=None, requested=None if self.application else cause)

    async def hears(self, media: str) -> Playback:
        """Wait until media whose name holds this text plays to the channel or its bridge; then go on at once."""
        while not self.ended.is_set():
            for playback in self.played:
                if media in playback.media[playback.index] and playback.started_at is not None:
                    return playback
            await asyncio.sleep(0.02)
        raise RuntimeError(f"the call ended before {media} was heard")

    # What can be seen

    @property
    def uri(self) -> str:
        return f"channel:{self.id}"

    @property
    def is_deaf(self) -> bool:
        """In a bridge with the silence generator on: hears nobody and is recorded by nobody (measured)."""
        return self.bridge is not None and self.silence

    @property
    def carries_sound(self) -> bool:
        """Whether Asterisk sends it anything, without which a recording has no clock."""
        return self.bridge is not None or self.silence or self.music or self.media.current is not None

    def speech_ends_at(self) -> float:
        """Loop time at which the person's words end or ended."""
        return self._spoken_until

    def snapshot(self) -> models.Channel:
        """As Asterisk shows it; `channelvars` names all configured variables, unset ones as empty text."""
        return models.Channel(
            id=self.id,
            protocol_id="",
            name=self.name,
            state=self.state,
            caller=models.CallerID(name="", number=self.caller),
            connected=models.CallerID(name="", number=""),
            accountcode="",
            dialplan=models.DialplanCEP(
                context=self.context,
                exten=self.exten,
                priority=1,
                app_name=self.doing[0],
                app_data=self.doing[1],
            ),
            creationtime=self.created,
            language="en",
            channelvars={name: self.variables.get(name, "") for name in self.world.channelvars},
        )

    def tell(self, kind: type[models.Event], **fields: object) -> None:
        """Tell a channel event to each application, as often as it is subscribed."""
        if kind.__name__.startswith("Channel"):
            fields.setdefault("channel", self.snapshot())
        stamp: datetime.datetime = self.world.utc()
        for application in self.world.applications.values():
            times = application.times_for_channel(self.id, self.endpoint)
            application.tell(kind, times, timestamp=stamp, **fields)

    # What Asterisk does

    def later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that ends with the channel."""
        task = self.world.spawn(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def answer(self) -> None:
        """200 OK; stops music and silence that were started before (measured)."""
        if self.state != "Up":
            self.music = self.silence = self.ringback = False
            self.set_state("Up")

    def set_state(self, state: str) -> None:
        self.state = state
        self.tell(models.ChannelStateChange)

    def set_variable(self, name: str, value: str) -> None:
        self.variables[name] = value
        self.tell(models.ChannelVarset, variable=name, value=value)

    def needs_stasis(self, status: int = 409) -> Application:
        """The application whose channel it is; Refusal while there is none."""
        if self.application is None:
            raise Refusal(status, "Channel not in Stasis application")
        return self.application

    async def stasis(self, name: str, args: tuple[str, ...]) -> str:
        """Stasis(name,args): FAILED at once if nobody is there, else SUCCESS when sent back. Raises Goto."""
        application = self.world.applications.get(name)
        if application is None or not application.is_connected:
            return "FAILED"
        self._left = asyncio.get_running_loop().create_future()
        self._enter(application, args)
        place = await self._left
        if place is not None:
            raise place
        return "SUCCESS"

    async def ask_line(self, pattern: str, seconds: float, args: tuple[str, ...]) -> str:
        """StasisBroadcast: TIMEOUT when nobody claims within `seconds`. Raises Goto."""
        self.broadcast = broadcast = Broadcast()
        self.doing = ("StasisBroadcast", f"{int(seconds * 1000)},{pattern},{':'.join(args)}")
        for application in self.world.matching(pattern):
            application.tell(
                models.CallBroadcast, timestamp=self.world.utc(), channel=self.snapshot(), called=self.exten
            )
        waiting = asyncio.ensure_future(broadcast.claimed.wait())
        try:
            await asyncio.wait({waiting}, timeout=seconds)
            return await self.stasis(broadcast.winner, args) if broadcast.winner else "TIMEOUT"
        finally:
            waiting.cancel()
            self.broadcast = None

    def _enter(self, application: Application, args: tuple[str, ...]) -> None:
        self.application = application
        application.channels[self.id] = 1
        application.tell(
            models.StasisStart, timestamp=self.world.utc(), args=list(args), channel=self.snapshot()
        )

    def _leave(self) -> None:
        application, self.application = self.application, None
        if application is not None:
            application.tell(models.StasisEnd, timestamp=self.world.utc(), channel=self.snapshot())
            if application is not self.kept_subscription:
                application.channels.pop(self.id, None)

    def go_on(self, place: Goto | None) -> None:
        """`continue`: out of bridge and Stasis, on in the dialplan."""
        self.needs_stasis()
        if self.bridge is not None:
            self.bridge.remove(self)
        self.media.abort()
        self._leave()
        if self._left is not None and not self._left.done():
            self._left.set_result(place)

    def move(self, name: str, args: tuple[str, ...]) -> None:
        """To another application, or the same once more; it stays in its bridge."""
        before = self.needs_stasis()
        after = self.world.applications.get(name)
        if after is None or not after.is_connected:
            before.tell(
                models.ApplicationMoveFailed,
                timestamp=self.world.utc(),
                channel=self.snapshot(),
                destination=name,
                args=list(args),
            )
            return
        self._leave()
        self._enter(after, args)

    def end(
        self,
        cause: int,
        tech_cause: int | None = None,
        *,
        soft: bool | None = True,
        requested: int | None = 32,
    ) -> None:
        """Hang up, whoever wished it; tells everything that Asterisk tells, in its order. Harmless if ended."""
        if self.ended.is_set():
            return
        self.cause = cause
        self.tell(models.ChannelHangupRequest, cause=requested, tech_cause=tech_cause, soft=soft)
        self.destroy(cause, tech_cause)

    def destroy(self, cause: int, tech_cause: int | None = None) -> None:
        """The end itself, without a request before it (an originate that nobody answered)."""
        if self.ended.is_set():
            return
        self.ended.set()
        self.cause = cause
        self.media.abort()
        if self.bridge is not None:
            self.bridge.remove(self)
        self._leave()
        self.tell(
            models.ChannelDestroyed, cause=cause, cause_txt=CAUSES.get(cause, ""), tech_cause=tech_cause
        )
        for application in self.world.applications.values():
            application.channels.pop(self.id, None)
        self.world.forget(self)
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
