"""One call as the one who holds the phone knows it: what rang, what was heard and pressed, how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo.phones import Phone


class PhoneTrouble(Exception):
    """A phone could not do, or did not see happen, what it was asked for."""


class TooLate(PhoneTrouble):
    """Something waited for did not happen in time."""


class CallOver(PhoneTrouble):
    """The call ended while something was still expected of it."""


@dataclass(frozen=True)
class Spell:
    """A stretch of sound that was heard; seconds since the answer."""

    begins: float
    ends: float
    loudness: float
    beep: float  # Hz of the beep it ended with; 0 after a voice


@dataclass(frozen=True)
class Closed:
    """How a call ended. `code`: the SIP status that refused it, 0 for an ordinary hang-up."""

    at: float
    code: int
    reason: str
    by: str  # here | there


class Talk:
    """`caller` is the number an incoming call showed. Times are the monotonic clock; None: not yet."""

    def __init__(self, phone: Phone, number: int, caller: str, at: float, *, incoming: bool) -> None:
        self.number = number
        self.caller = caller
        self.incoming = incoming
        self.began_at = at
        self.ringing_at: float | None = at if incoming else None
        self.answered_at: float | None = None
        self.closed: Closed | None = None
        self.spells: list[Spell] = []
        self.hearing_since: float | None = None  # second in the call; None: it is quiet
        self.pressed = ""  # keys heard from the other side
        self._phone = phone
        self._recorded: Path | None = None
        self._said: list[str] = []
        self._listened = 0

    def take(self, event: dict[str, Any]) -> None:
        """Apply one event of the phone."""
        match event["event"]:
            case "ringing":
                self.ringing_at = self.ringing_at or event["at"]
            case "answered":
                self.answered_at = event["at"]
                self._recorded = Path(event["recording"])
            case "heard" if event["what"] == "begins":
                self.hearing_since = event["second"]
            case "heard":
                self.spells.append(
                    Spell(self.hearing_since or 0.0, event["second"], event["loudness"], event["beep"])
                )
                self.hearing_since = None
            case "said":
                self._said.append(event["name"])
            case "dtmf":
                self.pressed += event["key"]
            case "closed" if self.closed is None:
                self.closed = Closed(event["at"], event["code"], event["reason"], event["by"])

    @property
    def recorded(self) -> Path:
        """What was heard, 8 kHz mono WAV from the answer on. Raises `PhoneTrouble` before the answer."""
        if self._recorded is None:
            raise PhoneTrouble(
                f"phone {self._phone.name}: this call was not answered, so nothing is recorded"
            )
        return self._recorded

    async def _until(self, holds: Callable[[], bool], within: float, what: str) -> None:
        await self._phone.until(lambda: holds() or self.closed is not None, within, what)
        if not holds():
            ending = self.closed and (self.closed.code or self.closed.reason)
            raise CallOver(f"phone {self._phone.name} waited for {what}, but the call ended ({ending})")

    async def ringing(self, within: float) -> None:
        """The other side rings (180)."""
        await self._until(lambda: self.ringing_at is not None, within, "ringing")

    async def answered(self, within: float) -> None:
        await self._until(lambda: self.answered_at is not None, within, "the answer")

    async def ended(self, within: float) -> Closed:
        await self._phone.until(lambda: self.closed is not None, within, "the end of the call")
        assert self.closed is not None
        return self.closed

    async def heard_sound(self, within: float) -> None:
        """Somebody, or something, is being heard now."""
        await self._until(lambda: self.hearing_since is not None, within, "a sound")

    async def heard_speech(self, within: float) -> Spell:
        """The next stretch of sound not waited for yet has begun and ended (0.6 s of quiet)."""
        await self._until(lambda: len(self.spells) > self._listened, within, "something to be said")
        self._listened += 1
        return self.spells[self._listened - 1]

    async def pause(self, within: float, *, quiet: float = 1.0) -> Spell:
        """It is our turn: something was said that we have not listened to yet, and then nothing for `quiet` seconds.

        Like `heard_speech`, but everything said until now counts as listened to; the last of it is returned.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while True:
            await self._until(
                self._something_was_said, deadline - loop.time(), "the other side to finish speaking"
            )
            last = self.spells[-1]
            rest = (self.answered_at or 0.0) + last.ends + quiet - time.monotonic()
            if rest <= 0:
                self._listened = len(self.spells)
                return last
            await asyncio.sleep(rest)

    def _something_was_said(self) -> bool:
        return len(self.spells) > self._listened and self.hearing_since is None

    def listen_anew(self) -> None:
        """What was heard until now is no longer waited for."""
        self._listened = len(self.spells)

    async def say(self, path: Path, *, wait: bool = True) -> float:
        """Play a sound file into the call; returns its length in seconds. `wait`: until its last sample is out."""
        count = self._said.count(str(path))
        done = await self._phone.command("say", call=self.number, path=str(path))
        seconds = float(done["seconds"])
        if wait:
            await self._until(
                lambda: self._said.count(str(path)) > count, seconds + 10.0, "its own words to end"
            )
        return seconds

    async def tone(self, hertz: float, seconds: float, *, level: float = 0.3) -> None:
        """Play a tone without waiting for its end."""
        await self._phone.command("tone", call=self.number, hertz=hertz, seconds=seconds, level=level)

    async def hush(self) -> None:
        await self._phone.command("hush", call=self.number)

    async def keys(self, keys: str) -> None:
        """Press keys (RFC 4733)."""
        await self._phone.command("keys", call=self.number, keys=keys, within=5.0 + len(keys))

    async def hear_keys(self, keys: str, within: float) -> None:
        """The other side has pressed these."""
        await self._until(lambda: keys in self.pressed, within, f"the keys {keys}")

    async def answer(self) -> None:
        await self._phone.command("answer", call=self.number)

    async def refuse(self, code: int = 603) -> None:
        await self._phone.command("refuse", call=self.number, code=code)

    async def hold(self) -> None:
        await self._phone.command("hold", call=self.number)

    async def resume(self) -> None:
        await self._phone.command("resume", call=self.number)

    async def hang_up(self, within: float = 5.0) -> None:
        """End the call and wait until it is over; it may be over already."""
        await self._phone.command("hang_up", call=self.number)
        await self.ended(within)
