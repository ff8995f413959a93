"""The line on a FakeAsterisk, in virtual time: its real desk, dialogues and call model, with the disk and the store
played by two small objects, since neither keeps virtual time.

Seats `op1` … are phones of the fake; `prompts` is what a channel was told, in order.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import wave
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import numpy as np
import pytest

from callbacks.plan import Leased
from config.settings import load
from ivr.desk import Desk
from ivr.house import House
from ivr.line import Line
from ivr.staff import Staff
from models import kinds
from models.event import Event
from telephony.ari.client import AriClient
from telephony.fake.asterisk import FakeAsterisk
from telephony.fake.callees import Callee, no_answer
from telephony.fake.channels import FakeChannel
from telephony.router import Router

CITIZEN = "13859912345"

# Not from zero: a fixture's timers are set by the machine's clock, and would never be due.
VIRTUAL_TIME = pytest.mark.looptime(start=time.monotonic)


class Paper:
    """A spool that keeps everything in memory; `away`: its disk does not answer."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.away = False
        self._numbers = itertools.count(1)

    def put(self, event: Event) -> None:
        if all(event.id != other.id for other in self.events):
            self.events.append(event)

    async def on_disk(self, event_id: UUID, within: float) -> bool:
        return not self.away

    async def holds(self, event_id: UUID, within: float) -> bool | None:
        return None if self.away else any(event.id == event_id for event in self.events)

    def take_case_number(self, day: date) -> str:
        return f"{day:%Y%m%d}-n1-{next(self._numbers):05d}"

    def take_code(self, phone: str) -> str:
        return "1234560"

    def expect(self, day: date) -> None:
        return None


class Facts:
    """A store that answers by the name of the question, or is away."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.away = False

    async def ask(self, fn: Callable[..., Any], default: Any, within: float = 0.3) -> Any:
        return default if self.away else self.answers.get(fn.__name__, default)


class World:
    """One line, and what it noted. `fake` has the people; `site` is what the site's own city file says."""

    def __init__(self, folder: Path, seats: int, site: str = "", **line: Any) -> None:
        self.fake = FakeAsterisk(seconds_of_media=1.0)
        self.fake.trunk("citizen")
        self.spool, self.store = Paper(), Facts()
        trunk = {"match": ["127.0.0.2"], "contact": "sip:127.0.0.2:5070"}
        self.settings = load(folder, trunks={"citizen": trunk}, line=line)
        self.settings.clips.mkdir(parents=True)
        self.client = AriClient.over(self.fake.transport(), "minsheng-n1")
        own = folder / "city" / f"{self.settings.city}.toml"
        own.parent.mkdir()
        own.write_text(site, "utf-8")
        self.house = House.of_site(
            self.settings, self.client, Router(), cast(Any, self.spool), cast(Any, self.store)
        )
        self.desk = self.house.desk = Desk(self.house)
        names = [f"op{number}" for number in range(1, seats + 1)]
        self.store.answers["staff_list"] = [(name, f"10{name[2:]}") for name in names]
        for name in [*names, "anonymous"]:
            self.fake.phone(name, no_answer())
            self.fake.unregister(name)
        self.staff = Staff(self.house, names)
        self.line = Line(self.house, self.staff)
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        await self.client.__aenter__()
        self._tasks = [asyncio.create_task(one) for one in (self.line.listen(), self.desk.widen())]
        await asyncio.sleep(0.1)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.line.let_be()
        await self.client.__aexit__(None, None, None)
        await self.fake.close()

    # People ---------------------------------------------------------------------------------------------

    def phone(self, name: str, does: Callee) -> None:
        """A seat's phone, registered from now on, and what it does when it is rung."""
        self.fake.phone(name, does)

    def incoming(self, number: str = CITIZEN, **more: Any) -> FakeChannel:
        return self.fake.incoming(number, trunk="citizen", **more)

    async def citizen(self, number: str = CITIZEN) -> FakeChannel:
        """Somebody who is in our hands."""
        caller = self.incoming(number)
        await asyncio.sleep(0.1)
        assert caller.application is not None
        return caller

    async def until(self, true: Callable[[], bool], within: float = 120.0) -> None:
        """Wait for something, in virtual seconds."""
        for _ in range(int(within * 10)):
            if true():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"waited {within:g} s in vain")

    def leg(self, seat: str) -> FakeChannel:
        """The channel that rings, or talks with, a seat."""
        return next(one for one in self.fake.channels.values() if one.endpoint == f"PJSIP/{seat}")

    def says(self, caller: FakeChannel, question: str, take: int, seconds: float) -> None:
        """What Asterisk will have written of a clip: a tone of so many seconds, then silence."""
        rate = 8000
        tone = 8000 * np.sin(np.arange(int(seconds * rate)) / 4)
        with wave.open(str(self.settings.clips / f"{caller.id}.{question}.{take}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(np.concatenate([tone, np.zeros(rate)]).astype("<i2").tobytes())

    # What happened --------------------------------------------------------------------------------------

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Bodies of the events of a kind, in order."""
        return [event.body for event in self.spool.events if event.kind == kind]

    def ended(self) -> dict[str, Any]:
        """The one call's end."""
        (body,) = self.of(kinds.CALL_END)
        return body

    def stages(self) -> list[str]:
        return [body["stage"] for body in self.of(kinds.CALL_STAGE)]

    def asked_for(self, pattern: str) -> list[str]:
        return [request for request, _ in self.fake.requests if pattern in request]

    def left_over(self) -> list[str]:
        """Everything that a call which is over must not have left: channels, bridges, waiters, ringing seats."""
        places = {
            "channel": self.fake.channels,
            "bridge": self.fake.bridges,
            "router": self.house.router._boxes,
            "desk": self.desk._waiting,
            "report": self.line._reports,
        }
        left = [f"{place} {one}" for place, all_there in places.items() for one in all_there]
        left += [f"ringing {seat.id}" for seat in self.desk.seats.values() if seat.ringing_for is not None]
        return left


def prompts(channel: FakeChannel) -> list[str]:
    """What was begun to be played to a channel: last parts of the media, in order."""
    return [one.media[0].rsplit("/", 1)[-1] for one in channel.played if one.started_at is not None]


def lease(world: World, phone: str = CITIZEN) -> Leased:
    return Leased("0b0f5b1c-2f0a-4a57-8a1f-6f8f2f3b1a11", phone, "20261124-n1-00001")
