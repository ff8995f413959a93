"""The operator hangs up first: the citizen is told, may ask for a person again, and ends the call themself."""

from __future__ import annotations

from pathlib import Path

from models.words import Disposition
from tests.line.site import Site


async def test_operator_hangs_up_first(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        talk = await citizen.call(site.uri)
        ring = await operator.next_call(within=5)
        await ring.answer()
        await talk.answered(within=3)
        await ring.tone(1000, 1.0)
        await talk.heard_sound(within=5)
        await ring.hang_up()
        talk.listen_anew()
        await talk.heard_speech(within=10)  # “接警员已挂机……”: the line is still there
        await talk.hang_up()
        call = await site.ended_call()
        assert call.disposition == Disposition.ANSWERED
        assert call.ended_by == "operator"
        await site.no_channel_left()


async def test_operator_hangs_up_in_the_moment_of_answering(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        talk = await citizen.call(site.uri)
        ring = await operator.next_call(within=5)
        await ring.answer()
        await ring.hang_up()
        await talk.answered(within=3)
        talk.listen_anew()
        await talk.heard_speech(within=10)
        assert talk.closed is None
        await talk.hang_up()
        call = await site.ended_call()
        assert call.disposition in (Disposition.ANSWERED, Disposition.ABANDONED)
        await site.no_channel_left()


async def test_citizen_asks_for_a_person_again(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        talk = await citizen.call(site.uri)
        ring = await operator.next_call(within=5)
        await ring.answer()
        await talk.answered(within=3)
        await ring.tone(1000, 1.0)
        await talk.heard_sound(within=5)
        await ring.hang_up()
        talk.listen_anew()
        await talk.heard_sound(within=5)
        await talk.keys("0")
        again = await operator.next_call(within=5)
        await again.answer()
        await again.answered(within=3)
        await talk.hang_up()
        await again.ended(within=3)
        call = await site.ended_call()
        assert call.ended_by == "caller"
        assert len(call.legs) == 2
        await site.no_channel_left()
