"""The caller gives up before anybody answers: phones stop, and a person owes them a call at once."""

from __future__ import annotations

from pathlib import Path

from models.cases import Case
from models.words import Disposition
from tests.line.site import Site


async def test_caller_hangs_up_while_phones_ring(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=2) as site:
        first, second = await site.seat("op1"), await site.seat("op2")
        citizen = await site.citizen()
        talk = await citizen.call(site.uri)
        await talk.answered(within=3)
        ring = await first.next_call(within=3)
        other = await second.next_call(within=6)
        await talk.hang_up()
        for one in (ring, other):
            await one.ended(within=2)
        await site.no_channel_left()
        call = await site.ended_call()
        assert call.disposition == Disposition.ABANDONED
        assert call.ended_by == "caller"
        assert {leg.how for leg in call.legs} == {"cancelled"}
        case = await site.row(lambda session: session.get(Case, call.case_number or ""), "the case")
        assert case.welfare
        assert case.kind == "abandoned"
        assert case.owner == site.city.supervisor.id
