"""The story of `minsheng demo`: a citizen rings 110, is heard, and is called back when it is done.

The line runs already, in processes of its own; here the people live through it with their telephones, the office
acts through the services of `cases`, and what the duty log says is retold as it happens.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.city import load as city_file
from config.city.model import City
from config.errors import Exit, Trouble
from config.language import _
from config.settings import Settings
from demo import people
from demo.phones_talk import PhoneTrouble, Talk
from demo.story_lines import Cast, cast
from demo.story_office import Office
from demo.story_phones import NUMBER, Telephones
from demo.story_result import Options, Result, gather, judge, segments
from demo.story_words import Names, summary
from demo.timeline import Timeline
from models.calls import Call, Transcript
from models.cases import Callback, Case, Operator
from models.store.engine import Store, open_store
from models.words import CaseState, Direction, Role, TranscriptState

__all__ = ["Options", "Result", "tell"]

T = TypeVar("T")

SEATS = 2  # phones at the desk
LOOK_EVERY = 0.3  # s
STORE_WITHIN = 20.0  # s from an event to its row, on a busy machine
SEALED_WITHIN = 30.0  # s; the house's own figure is 5 s
TRANSCRIBED_WITHIN = 240.0  # s; loading the model included
SILENT_STAYS = 90.0  # s: through the first question and both askings of the silence
ATTEMPT_WITHIN = 150.0  # s, one callback listened to without a key


async def tell(settings: Settings, options: Options, console: Console | None = None) -> Result:
    """Live through the story and return how it ended. `console`: where the timeline is printed, as it happens.

    Raises `Trouble` where the story cannot go on: a sound that cannot be read, a phone that does not start,
    something waited for that did not come.
    """
    if options.language:
        os.environ["MINSHENG_LANGUAGE"] = options.language
    parts = cast(options.audio)
    city = city_file.load(settings.city, settings.var)
    store = open_store(settings.store_url)
    try:
        return await _Story(settings, options, parts, city, store, Timeline(console)).told()
    finally:
        store.close()


class _Story:
    def __init__(
        self, settings: Settings, options: Options, parts: Cast, city: City, store: Store, timeline: Timeline
    ) -> None:
        self._settings = settings
        self._options = options
        self._cast = parts
        self._city = city
        self._store = store
        self._timeline = timeline
        self._office = Office(settings, city, store, timeline)

    async def told(self) -> Result:
        operators = await asyncio.to_thread(self._operators)
        seats = list(operators)
        self._office.names = names = Names(self._city, operators)
        answered = self._options.operator == "answer"
        telephones = Telephones(
            self._settings, seats[:SEATS] if answered else [], names, self._timeline, self._cast.words
        )
        async with telephones:
            retelling = asyncio.create_task(self._office.retell())
            taking: asyncio.Task[None] | None = None
            try:
                call = await self._the_call(telephones)
                taking = asyncio.create_task(people.take_callbacks(telephones.citizen, self._options.answer))
                await self._the_work(call, taking)
            except PhoneTrouble as trouble:
                raise Trouble(_("演示的电话没有打成：{why}", why=trouble), Exit.STORY) from None
            finally:
                for task in (retelling, taking):
                    if task is not None:
                        task.cancel()
                        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(self._office.look)
        result = await asyncio.to_thread(self._result, call.id)
        self._timeline.ending(_("五、结果"), summary(result, names))
        return result

    def _operators(self) -> dict[str, str]:
        """Accounts and names of those who take calls, by their numbers."""
        with self._store.reading() as session:
            query = select(Operator).where(Operator.active, Operator.role == Role.OPERATOR.value)
            rows = session.scalars(query.order_by(Operator.number)).all()
        return {row.id: row.name for row in rows}

    def _result(self, call_id: str) -> Result:
        with self._store.reading() as session:
            result = gather(session, call_id, self._settings.sealed)
        speechless = self._cast.citizen.speechless
        result.why = judge(
            result, self._options, speechless=speechless, attempts=self._settings.callback.attempts
        )
        return result

    # The call -----------------------------------------------------------------------------------------------

    async def _the_call(self, telephones: Telephones) -> Call:
        """From the dialling to the end of the call; its row."""
        number = self._city.numbers.published[0]
        sip = self._settings.sip
        uri = f"sip:{number}@{sip.bind}:{sip.port}"
        self._timeline.chapter(_("一、来电"))
        self._timeline.begin()
        self._office.begin()
        self._timeline.tell("citizen", _("拨打 {number}", number=number))
        serving = [
            asyncio.create_task(people.serve(phone, self._cast.operator)) for phone in telephones.seats[:1]
        ]
        try:
            await self._citizen(telephones, uri)
            if serving:
                await asyncio.wait(serving, timeout=people.PATIENCE)
        finally:
            for task in serving:
                task.cancel()
            if serving:
                await asyncio.wait(serving)
        for task in serving:
            if not task.cancelled() and task.exception() is not None:
                raise PhoneTrouble(str(task.exception()))
        began = self._office.begins

        def ended(session: Session) -> Call | None:
            query = select(Call).where(Call.direction == Direction.IN.value, Call.started_at >= began)
            query = query.where(Call.number == NUMBER, Call.ended_at.is_not(None))
            return session.scalars(query.order_by(Call.started_at.desc())).first()

        return await self._until(ended, STORE_WITHIN, _("来电的记录"))

    async def _citizen(self, telephones: Telephones, uri: str) -> Talk:
        phone, lines = telephones.citizen, self._cast.citizen
        if self._options.operator == "answer":
            return await people.talk_to_an_operator(phone, uri, lines)
        if lines.speechless:
            return await people.say_nothing(phone, uri, lines, stays=SILENT_STAYS)
        return await people.talk_to_the_intake(phone, uri, lines)

    # What follows -------------------------------------------------------------------------------------------

    async def _the_work(self, call: Call, taking: asyncio.Task[None]) -> None:
        """Sealed, read, opened as a case, given to a unit, done, and the citizen asked."""
        await self._chapter(_("二、录音与转写"))
        await self._until(lambda session: self._sealed(session, call.id), SEALED_WITHIN, _("录音封存"))
        await self._until(lambda session: self._transcript(session, call.id), TRANSCRIBED_WITHIN, _("转写"))
        await self._read_out(call.id)
        case = await self._until(
            lambda session: session.get(Case, call.case_number or ""), STORE_WITHIN, _("工单")
        )
        if self._options.operator == "none" and self._cast.citizen.speechless:
            self._timeline.tell("office", _("没有人说话：列入须由人立即回电的名单"))
            return
        await self._chapter(_("三、派单与办理"))
        await self._office.work(case, call.operator or self._city.supervisor.id)
        await self._chapter(_("四、回访"))
        attempts = self._settings.callback.attempts
        within = attempts * (ATTEMPT_WITHIN + self._settings.callback.spacing)
        await self._until(lambda session: self._asked(session, case.number), within, _("回访的结果"), taking)

    async def _chapter(self, title: str) -> None:
        await asyncio.to_thread(self._office.look)  # what was logged before belongs above the heading
        self._timeline.chapter(title)

    def _sealed(self, session: Session, call_id: str) -> bool | None:
        return bool(gather(session, call_id, self._settings.sealed).recording) or None

    @staticmethod
    def _transcript(session: Session, call_id: str) -> Transcript | None:
        query = select(Transcript).where(
            Transcript.call_id == call_id, Transcript.state != TranscriptState.WAITING.value
        )
        return session.scalars(query).first()

    async def _read_out(self, call_id: str) -> None:
        """The transcript, as the office reads it."""

        def read() -> list[tuple[str, str, float, bool]]:
            with self._store.reading() as session:
                return [(s.channel, s.text, s.start, s.uncertain) for s in segments(session, call_id)]

        for channel, text, start, uncertain in await asyncio.to_thread(read):
            doubt = _("（不确定，请听录音）") if uncertain else ""
            who = _("市民") if channel == "citizen" else _("接警员")
            said = _("{who}：{text}{doubt}", who=who, text=text, doubt=doubt)
            self._timeline.tell("office", f"{start:6.1f} s  {said}", quiet=True)

    def _asked(self, session: Session, number: str) -> Case | None:
        """The case, once nothing more is going to happen to it by itself."""
        case = session.get(Case, number)
        rounds = session.scalars(select(Callback).where(Callback.case_number == number)).all()
        if case is None or not rounds:
            return None
        over = case.state in (CaseState.CLOSED, CaseState.REOPENED) or any(
            one.state == "person" for one in rounds
        )
        return case if over else None

    async def _until(
        self,
        look: Callable[[Session], T | None],
        within: float,
        what: str,
        meanwhile: asyncio.Task[None] | None = None,
    ) -> T:
        """What `look` finds in the store, looked for until it is there. Raises `Trouble` naming `what`."""

        def once() -> T | None:
            with self._store.reading() as session:
                return look(session)

        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while True:
            found = await asyncio.to_thread(once)
            if found is not None:
                return found
            if meanwhile is not None and meanwhile.done():
                meanwhile.result()
            if loop.time() > deadline:
                raise Trouble(
                    _("等了 {within} 秒，没有等到{what}", within=round(within), what=what), Exit.STORY
                )
            self._timeline.flush()
            await asyncio.sleep(LOOK_EVERY)
