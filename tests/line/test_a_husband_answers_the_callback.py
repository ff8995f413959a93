"""Somebody else answers: nothing of the matter is said before the key, and after a 2 nothing at all."""

from __future__ import annotations

from pathlib import Path

from models.log import LoggedEvent
from models.words import Outcome
from tests.line.asked import asked, called_back, press, resolved_case
from tests.line.site import Site


async def test_a_husband_answers_the_callback(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1) as site:
        citizen = await site.citizen()
        number = await resolved_case(site, citizen)
        talk = await called_back(citizen)
        await press(talk, "2")
        await talk.ended(within=30)
        callback = await asked(site, number, Outcome.REFUSED)
        with site.store.reading() as session:
            stages = [
                row.body["stage"]
                for row in session.query(LoggedEvent)
                .filter_by(stream=f"call:{callback.attempts[0].call_id}", kind="CallStateChange")
                .order_by(LoggedEvent.at)
            ]
        assert stages == ["survey:confirm"]  # the stage of the matter was never entered
        await site.no_channel_left()
