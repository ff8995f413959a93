"""The citizen is called back, says contacted, solved, satisfied; the case closes on that ground."""

from __future__ import annotations

from pathlib import Path

from models.calls import Call
from models.words import Disposition, Ground
from tests.line.asked import called_back, press, resolved_case, settled
from tests.line.site import Site


async def test_callback_solved(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        citizen = await site.citizen()
        number = await resolved_case(site, citizen)
        talk = await called_back(citizen)
        assert talk.caller == site.city.numbers.shown  # the published number, never 110
        await press(talk, "1111")
        await talk.ended(within=30)
        case = await settled(site, number, "closed")
        assert case.ground == Ground.CITIZEN_CONFIRMED
        callback = case.callbacks[0]
        assert (callback.contacted, callback.solved, callback.satisfied) == (True, True, True)
        assert len(callback.attempts) == 1
        call = await site.ended_call(direction="out")
        assert call.disposition == Disposition.SURVEYED
        await site.row(lambda session: session.get_one(Call, call.id).recordings or None, "its recording")
        await site.no_channel_left()
