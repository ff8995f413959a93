"""One call on a phone: sound in and out at the call's own pace, keys, and how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import baresip

from demo.phone_sound import RATE, Ear, Heard, Samples

PACE = 0.02  # s between two looks at the sound
AHEAD = 2 * int(RATE * 0.12)  # bytes given to the stack before it needs them
PATIENCE = 0.25  # s without a packet before the recording takes it for silence

Tell = Callable[..., None]


@dataclass
class Words:
    """Something to be said, and what of it has not been handed over yet."""

    name: str
    rest: bytes


class PhoneCall:
    """Tells `ringing`, `answered`, `heard`, `speaks`, `said`, `dtmf` and `closed` by `tell(event, call=number, …)`."""

    def __init__(
        self, number: int, call: baresip.Call, tell: Tell, recording: Path, *, incoming: bool
    ) -> None:
        self.number = number
        self.call = call
        self.recording = recording
        self.incoming = incoming
        self.closed = asyncio.get_running_loop().create_future()
        self.answered = False
        self.ended_here = False
        self._tell = tell
        self._to_say: list[Words] = []
        self._saying: Words | None = None
        self._pump: asyncio.Task[None] | None = None
        call.on(self._on_event)
        call.on_dtmf(lambda key: tell("dtmf", call=number, key=key.digit))

    def _on_event(self, event: baresip.StackEvent) -> None:
        match event.event:
            case baresip.Event.CALL_RINGING:
                self._tell("ringing", call=self.number)
            case baresip.Event.CALL_ESTABLISHED if not self.answered:
                self.answered = True
                self._tell("answered", call=self.number, recording=str(self.recording))
                self._pump = asyncio.create_task(self._sound())
            case baresip.Event.CALL_CLOSED if not self.closed.done():
                self.closed.set_result(None)
                if self._pump is None:
                    self._tell_closed(event.text or "")
                else:
                    why = event.text or ""
                    self._pump.add_done_callback(lambda _: self._tell_closed(why))

    def _tell_closed(self, text: str) -> None:
        head = text.split(" ", 1)[0]
        code = int(head) if len(head) == 3 and head.isdigit() else 0
        by = "here" if self.ended_here else "there"
        self._tell("closed", call=self.number, code=code, reason=text, by=by, answered=self.answered)

    async def _sound(self) -> None:
        """Until the call is closed: write down and judge what is heard, hand over what is to be said."""
        ear = Ear(self.recording)
        began = time.monotonic()
        last_packet = began
        try:
            while not self.closed.done():
                now = time.monotonic()
                pcm = self._received()
                if pcm:
                    last_packet = now
                    self._notice(ear.hear(pcm))
                elif now - last_packet > PATIENCE:
                    self._notice(ear.fall_behind(now - began))
                self._send()
                await asyncio.sleep(PACE)
        finally:
            ear.close()

    def _notice(self, heard: Iterable[Heard]) -> None:
        for one in heard:
            self._tell("heard", call=self.number, **asdict(one))

    def _received(self) -> bytes:
        try:
            return bytes(self.call.audio.read(2 * RATE))
        except (baresip.AudioNotActive, baresip.AudioRestarted):
            return b""  # on hold, being renegotiated, or just ended

    def _send(self) -> None:
        try:
            waiting = self.call.audio.info().tx_buffered
            while self._to_say and waiting < AHEAD:
                words = self._to_say[0]
                if words is not self._saying:
                    self._saying = words
                    self._tell("speaks", call=self.number, name=words.name)
                taken = self.call.audio.write(words.rest[: AHEAD - waiting])
                words.rest = words.rest[taken:]
                waiting += taken
                if not words.rest:
                    del self._to_say[0]
                if not taken:
                    return
        except (baresip.AudioNotActive, baresip.AudioRestarted):
            return
        if self._saying and not self._to_say and not waiting:
            self._tell("said", call=self.number, name=self._saying.name)
            self._saying = None

    def say(self, name: str, sound: Samples) -> None:
        """Queue sound behind what is being said."""
        self._to_say.append(Words(name, sound.tobytes()))

    def hush(self) -> None:
        """Stop speaking at once."""
        self._to_say.clear()
        self._saying = None
        try:
            self.call.audio.flush_tx()
        except (baresip.AudioNotActive, baresip.AudioRestarted):
            return  # nothing was being said

    async def hang_up(self) -> None:
        """End the call; one that is over already stays over."""
        self.ended_here = True
        try:
            await self.call.hangup()
        except baresip.StaleHandleError:
            return  # the other side was faster
