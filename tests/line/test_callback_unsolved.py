"""The citizen says that it is not solved: the case is opened again and supervised."""

from __future__ import annotations

from pathlib import Path

from tests.line.asked import called_back, press_early, resolved_case, settled
from tests.line.site import Site


async def test_callback_unsolved(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        citizen = await site.citizen()
        number = await resolved_case(site, citizen)
        talk = await called_back(citizen)
        await press_early(site, talk, "1222")
        await talk.ended(within=30)
        case = await settled(site, number, "reopened")
        assert case.supervised
        assert case.callbacks[0].solved is False
        assert case.callbacks[0].contacted is False
        await site.no_channel_left()
