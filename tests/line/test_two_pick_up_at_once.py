"""An emergency rings all seats; two operators pick up in the same moment: one talks, the other is let go."""

from __future__ import annotations

import asyncio
from pathlib import Path

from models.words import Disposition, Priority
from tests.line.site import Site


async def test_two_pick_up_at_once(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=2) as site:
        first, second, citizen = await site.seat("op1"), await site.seat("op2"), await site.citizen()
        talk = await citizen.call(site.uri)
        await talk.answered(within=3)
        await talk.keys("1")
        one, other = await first.next_call(within=5), await second.next_call(within=5)
        await asyncio.gather(one.answer(), other.answer())
        await site.until(
            lambda: True if one.closed or other.closed else None, "one of the two to be let go", 5
        )
        assert not (one.closed and other.closed)
        await talk.hang_up()
        call = await site.ended_call()
        assert call.disposition == Disposition.ANSWERED
        assert call.priority == Priority.EMERGENCY
        assert call.operator == (
            "op2" if one.closed and one.closed.at < (other.closed.at if other.closed else 9e9) else "op1"
        )
        await site.no_channel_left()
