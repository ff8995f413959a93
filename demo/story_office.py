"""The office of the story: reads the duty log aloud, and takes the steps of a case through the services."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import steps
from cases.change import find
from config.city.model import City
from config.language import _
from config.settings import Settings
from demo.story_log import retell
from demo.story_words import Names
from demo.timeline import Timeline
from models.cases import Case
from models.event import now
from models.log import LoggedEvent
from models.store.bus import Bell, place
from models.store.engine import Store
from models.store.retry import retrying

LOOK_EVERY = 0.3  # s
READING = 2.0  # s a person takes to look at a case before the next step
SUGGESTED_WITHIN = 5.0  # s after the transcript
BY_HAND = "zhaoyang"  # the unit an operator chooses where nothing was suggested


class Office:
    def __init__(self, settings: Settings, city: City, store: Store, timeline: Timeline) -> None:
        self._city = city
        self._store = store
        self._timeline = timeline
        self._bell = Bell(place(settings.store_url, settings.run))
        self._told: set[UUID] = set()
        self.names = Names(city, {})
        self.begins = now()

    def begin(self) -> None:
        """What was logged before this moment belongs to another story."""
        self.begins = now()

    async def retell(self) -> None:
        """Read the duty log aloud until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            self._timeline.flush()
            await asyncio.sleep(LOOK_EVERY)

    def look(self) -> None:
        """Tell what is new in the duty log."""
        with self._store.reading() as session:
            query = select(LoggedEvent).where(LoggedEvent.at >= self.begins).order_by(LoggedEvent.at)
            fresh = [event for event in session.scalars(query) if event.id not in self._told]
            earlier = self._of_earlier_stories(session, {event.stream for event in fresh})
        for event in fresh:
            self._told.add(event.id)
            if event.stream in earlier:
                continue  # the worker still reads a call of the last demo
            if told := retell(self.names, event):
                self._timeline.tell_at(*told, event.at)

    def _of_earlier_stories(self, session: Session, streams: set[str]) -> set[str]:
        """Those of the streams that something was logged on before this story began."""
        query = select(LoggedEvent.stream).where(
            LoggedEvent.stream.in_(streams), LoggedEvent.at < self.begins
        )
        return set(session.scalars(query.distinct())) if streams else set()

    async def work(self, case: Case, by: str) -> None:
        """A person assigns what was suggested; the unit accepts, and reports it done."""
        number = case.number
        unit = await self._suggested(number) or self._by_hand()
        await self._step(number, lambda s, at: steps.assign(s, self._city, number, unit=unit, by=by, now=at))
        await self._step(
            number, lambda s, at: steps.accept(s, self._city, number, unit=unit, by=unit, now=at)
        )
        result = _("已到现场处理，恢复正常。")
        await self._step(
            number,
            lambda s, at: steps.resolve(s, self._city, number, unit=unit, result=result, by=unit, now=at),
        )

    async def _suggested(self, number: str) -> str | None:
        def look() -> str | None:
            with self._store.reading() as session:
                return find(session, number).suggested_unit

        for _attempt in range(round(SUGGESTED_WITHIN / LOOK_EVERY)):
            if unit := await asyncio.to_thread(look):
                return unit
            await asyncio.sleep(LOOK_EVERY)
        self._timeline.tell("office", _("没有可推荐的单位，由人选定"))
        return None

    def _by_hand(self) -> str:
        known = [unit.id for unit in self._city.units]
        return BY_HAND if BY_HAND in known else known[0]

    async def _step(self, number: str, step: Callable[[Session, datetime], Case]) -> None:
        await asyncio.sleep(READING)
        await asyncio.to_thread(retrying, self._store, lambda session: step(session, now()))
        self._bell.ring("cases", number)
