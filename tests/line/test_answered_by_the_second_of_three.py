"""Three phones ring one after the other; the second is picked up, the rest stop."""

from __future__ import annotations

from pathlib import Path

from models.words import Disposition
from tests.line.site import Site


async def test_answered_by_the_second_of_three(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=3) as site:
        first, second, third = [await site.seat(f"op{n}") for n in (1, 2, 3)]
        citizen = await site.citizen()
        talk = await citizen.call(site.uri)
        await talk.answered(within=3)
        await talk.heard_sound(within=3)
        ringing = await second.next_call(within=6)
        await first.next_call(within=6)
        await ringing.answer()
        await ringing.answered(within=3)
        for phone in (first, third):
            if phone.talks:
                await phone.talk.ended(within=2)
        await talk.tone(440, 2.0)
        await ringing.tone(1000, 2.0)
        await talk.hang_up()
        await ringing.ended(within=3)
        call = await site.ended_call()
        assert call.disposition == Disposition.ANSWERED
        assert call.operator == "op2"
        assert call.ended_by == "caller"
        await site.no_channel_left()
