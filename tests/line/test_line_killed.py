"""kill -9 for the line, in the middle of what it does: the next one serves every citizen to the end, once."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from models.calls import Call, Recording
from models.cases import Case
from models.words import Disposition
from tests.line.asked import asked, called_back, press, press_early, question, resolved_case, settled
from tests.line.hearing import sound, tone_seconds
from tests.line.site import Site
from tests.line.talked import UNHURRIED, hear_each_other, joined
from tests.line.test_nobody_answers import after_the_beep, tell

TONES = 14.0  # s of both tones, the kill and the restart among them
CITIZEN, OPERATOR = 440, 1000  # Hz


def kill(site: Site) -> None:
    site.stop("line", signal.SIGKILL)
    (site.settings.run / "line.json").unlink()


async def again(site: Site) -> None:
    """The line, started anew, until it has taken over."""
    site.start("line")
    await site.until(lambda: (site.settings.run / "line.json").exists() or None, "the line to be back", 20)


async def one_call(site: Site, disposition: Disposition) -> Call:
    """One call, one case, one recording of the citizen; no leg that has not ended; nothing left in Asterisk."""
    call = await site.ended_call()
    await site.no_channel_left()

    def recorded(session: Session) -> list[Recording] | None:
        return session.query(Recording).filter_by(channel=call.id).all() or None

    def legs_ended(session: Session) -> bool | None:
        return all(leg.ended_at is not None for leg in session.get_one(Call, call.id).legs) or None

    assert len(await site.row(recorded, "its recording")) == 1
    await site.row(legs_ended, "the end of each leg")
    with site.store.reading() as session:
        assert [one.id for one in session.query(Call).filter_by(direction="in")] == [call.id]
        assert [one.number for one in session.query(Case)] == [call.case_number]
    assert call.disposition == disposition
    return call


async def test_killed_in_the_greeting(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        citizen = await site.citizen()
        talk = await citizen.call(site.uri)
        await talk.answered(within=3)
        await talk.heard_sound(within=5)
        kill(site)
        await again(site)
        operator = await site.seat("op1")
        ring = await operator.next_call(within=10)
        await ring.answer()
        await ring.answered(within=3)
        await talk.pause(within=15)
        await hear_each_other(talk, ring)
        await talk.hang_up()
        await ring.ended(within=3)
        await one_call(site, Disposition.ANSWERED)


async def test_killed_while_a_phone_rings(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, line=UNHURRIED) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        talk = await citizen.call(site.uri)
        old = await operator.next_call(within=5)
        kill(site)
        await again(site)
        assert (await old.ended(within=5)).by == "there"
        ring = await operator.next_call(within=10)
        await ring.answer()
        await ring.answered(within=3)
        await talk.pause(within=15)
        await hear_each_other(talk, ring)
        await talk.hang_up()
        await ring.ended(within=3)
        call = await one_call(site, Disposition.ANSWERED)
        assert len(call.legs) == 2


async def test_killed_while_an_answer_is_recorded(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        citizen = await site.citizen()
        talk = await citizen.call(site.uri)
        await talk.answered(within=3)
        await tell(talk)  # what
        await after_the_beep(talk)
        await talk.tone(400, 2.0)
        await asyncio.sleep(1.0)
        kill(site)
        await again(site)
        await tell(talk)  # where, once more
        talk.listen_anew()
        await talk.heard_sound(within=8)
        await asyncio.sleep(1.0)
        await talk.keys("1")  # the number they ring from
        await tell(talk)  # when
        await talk.pause(within=40)
        await talk.hang_up()
        await one_call(site, Disposition.INTAKE)
        with site.store.reading() as session:
            case = session.query(Case).one()
            assert not case.welfare  # nothing is missing in it


async def test_killed_while_they_talk(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, line=UNHURRIED) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        talk, ring = await joined(site, citizen, operator)
        await talk.tone(CITIZEN, TONES)
        await ring.tone(OPERATOR, TONES)
        await asyncio.sleep(2.0)
        kill(site)
        await asyncio.sleep(1.0)
        await again(site)
        await talk.pause(within=TONES + 5)
        await ring.hang_up()
        await talk.pause(within=10)  # that the operator has hung up: the line follows
        await talk.hang_up()
        call = await one_call(site, Disposition.ANSWERED)
        assert len(call.legs) == 1
        for heard, hertz in ((talk.recorded, OPERATOR), (ring.recorded, CITIZEN)):
            assert tone_seconds(sound(heard)[:, 0], hertz) >= TONES - 1.0  # no gap in it


async def test_killed_while_they_talk_and_the_operator_goes_before_it_is_back(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, line=UNHURRIED) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        talk, ring = await joined(site, citizen, operator)
        kill(site)
        await ring.hang_up()
        talk.listen_anew()
        await again(site)
        second = await operator.next_call(within=10)
        await second.answer()
        await second.answered(within=3)
        await talk.pause(within=15)
        await hear_each_other(talk, second)
        await talk.hang_up()
        await second.ended(within=3)
        await one_call(site, Disposition.ANSWERED)


async def test_the_citizen_hangs_up_before_it_is_back(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, line=UNHURRIED) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        talk, ring = await joined(site, citizen, operator)
        kill(site)
        await talk.hang_up()
        await asyncio.sleep(1.0)
        assert ring.closed is None  # alone in the bridge, and nobody there to let go of them
        await again(site)
        await ring.ended(within=5)
        await site.no_channel_left()


async def test_killed_at_the_second_question_of_a_survey(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        citizen = await site.citizen()
        number = await resolved_case(site, citizen)
        talk = await called_back(citizen)
        await press_early(site, talk, "1")
        await question(site, "survey:contacted")
        kill(site)
        await again(site)
        talk.listen_anew()
        await press(talk, "111")
        await talk.ended(within=30)
        await settled(site, number, "closed")
        callback = await asked(site, number, "completed")
        assert (callback.contacted, callback.solved, callback.satisfied) == (True, True, True)
        assert len(callback.attempts) == 1
        assert citizen.invites_from(site.city.numbers.shown) == 1
        assert (await site.ended_call(direction="out")).disposition == Disposition.SURVEYED
        await site.no_channel_left()


@pytest.mark.parametrize("answers", [True, False])
async def test_killed_while_a_citizen_is_being_called_back(tmp_path: Path, answers: bool) -> None:
    async with Site(tmp_path, seats=1, callback={"ring_for": 15.0}) as site:
        citizen = await site.citizen()
        number = await resolved_case(site, citizen)
        ring = await citizen.next_call(within=20)
        kill(site)
        await again(site)
        if answers:
            await ring.answer()
            await press(ring, "1111")
            await settled(site, number, "closed")
        else:
            await ring.ended(within=20)
            call = await site.ended_call(direction="out", within=20)
            assert call.disposition == Disposition.UNREACHED
        assert citizen.invites_from(site.city.numbers.shown) == 1
        await site.no_channel_left()
