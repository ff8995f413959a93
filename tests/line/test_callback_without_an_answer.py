"""Callbacks that reach nobody: no key, busy, a hang-up in the middle. None of them closes a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from models.cases import Callback
from models.words import Outcome
from tests.line.asked import asked, called_back, press_early, resolved_case, settled
from tests.line.site import Site

ONCE: dict[str, Any] = {"callback": {"attempts": 1, "askings": 1}}


async def on_the_persons_list(site: Site, number: str) -> None:
    """No machine rings the citizen any more: a person decides. Seen at the tick after the last attempt."""

    def look(session: Session) -> Callback | None:
        return session.query(Callback).filter_by(case_number=number, state="person").first()

    await site.row(look, "the callback to be a person's", 40)


async def test_no_input(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, **ONCE) as site:
        citizen = await site.citizen()
        number = await resolved_case(site, citizen)
        talk = await called_back(citizen)
        await talk.ended(within=60)
        callback = await asked(site, number, Outcome.NO_INPUT)
        assert callback.solved is None
        await on_the_persons_list(site, number)
        await settled(site, number, "resolved")
        await site.no_channel_left()


async def test_busy_three_times_then_a_persons_list(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        citizen = await site.citizen()
        number = await resolved_case(site, citizen)
        await citizen.manner(refuse_with=486)

        await on_the_persons_list(site, number)
        case = await settled(site, number, "resolved")
        assert [one.outcome for one in case.callbacks[0].attempts] == [Outcome.BUSY] * 3
        assert citizen.invites_from(site.city.numbers.shown) == 3
        await site.no_channel_left()


async def test_citizen_hangs_up_before_saying_whether_it_is_solved(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, **ONCE) as site:
        citizen = await site.citizen()
        number = await resolved_case(site, citizen)
        talk = await called_back(citizen)
        await press_early(site, talk, "11")
        await talk.heard_sound(within=10)
        await talk.hang_up()
        callback = await asked(site, number, Outcome.BREAKOFF)
        assert callback.solved is None
        await settled(site, number, "resolved")
        await site.no_channel_left()
