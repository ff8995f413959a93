"""Nobody takes the call: the automated intake does, record first, and phones ring on all the while."""

from __future__ import annotations

import asyncio
from pathlib import Path

from demo.phones import Phone
from demo.phones_talk import Talk
from models.cases import Case
from models.log import LoggedEvent
from models.words import Disposition, Priority
from tests.line.site import Site


async def after_the_beep(talk: Talk) -> None:
    """Wait for the beep that follows a question."""
    while not (await talk.heard_speech(within=25)).beep:
        pass


async def tell(talk: Talk, seconds: float = 2.0) -> None:
    """Answer the question after its beep, end with the hash key, confirm what is played back."""
    await after_the_beep(talk)
    await talk.tone(400, seconds)
    await asyncio.sleep(seconds)
    await talk.keys("#")
    talk.listen_anew()
    await talk.heard_sound(within=8)
    await asyncio.sleep(1.0)
    await talk.keys("1")


async def answers(talk: Talk) -> None:
    await tell(talk)  # what
    await tell(talk)  # where
    talk.listen_anew()
    await talk.heard_sound(within=8)
    await asyncio.sleep(1.0)
    await talk.keys("1")  # the number they ring from
    await tell(talk)  # when


async def reported(site: Site, citizen: Phone) -> Talk:
    talk = await citizen.call(site.uri)
    await talk.answered(within=3)
    await answers(talk)
    return talk


async def test_intake_by_keys(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        citizen = await site.citizen()
        talk = await reported(site, citizen)

        def complete(session: object) -> list[str] | None:
            questions = [
                row.body["question"]
                for row in session.query(LoggedEvent).filter_by(kind="RecMediaEnd").order_by(LoggedEvent.at)  # type: ignore[attr-defined]
            ]
            return questions if len(questions) == 3 else None

        assert await site.row(complete, "three answers", 20) == ["what", "where", "when"]
        talk.listen_anew()
        await talk.heard_speech(within=20)  # the code
        await talk.hang_up()
        call = await site.ended_call()
        assert call.disposition == Disposition.INTAKE
        case = await site.row(lambda session: session.get(Case, call.case_number or ""), "the case")
        assert case.owner == site.city.supervisor.id
        assert not case.welfare
        assert case.callback_phone == citizen.user
        await site.no_channel_left()


async def test_intake_in_silence(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        citizen = await site.citizen()
        talk = await citizen.call(site.uri)
        await talk.answered(within=3)

        def silent(session: object) -> str | None:
            row = session.query(LoggedEvent).filter_by(kind="CallPriority").first()  # type: ignore[attr-defined]
            return row.body["why"] if row else None

        assert await site.row(silent, "the silence to be taken seriously", 90) == "silent"
        assert talk.closed is None  # the line stays open
        await talk.hang_up()
        call = await site.ended_call()
        assert call.disposition == Disposition.SILENT
        assert call.priority == Priority.POLICE
        case = await site.row(lambda session: session.get(Case, call.case_number or ""), "the case")
        assert case.kind == "silent"
        assert case.welfare
        await site.no_channel_left()


async def test_operator_breaks_in(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        citizen = await site.citizen()
        talk = await citizen.call(site.uri)
        await talk.answered(within=3)
        await after_the_beep(talk)
        await talk.tone(400, 1.0)
        operator = await site.seat("op1")  # comes back to the desk while the citizen is telling
        ring = await operator.next_call(within=10)
        await ring.answer()
        await ring.answered(within=3)
        ring.listen_anew()
        await talk.tone(440, 3.0)
        await ring.heard_sound(within=5)
        await talk.hang_up()
        await ring.ended(within=3)
        call = await site.ended_call()
        assert call.disposition == Disposition.ANSWERED
        assert call.operator == "op1"
        case = await site.row(lambda session: session.get(Case, call.case_number or ""), "the case")
        assert case.owner == "op1"
        await site.no_channel_left()
