"""The worker dies after it has leased an attempt: the line dials it all the same, and only once."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from sqlalchemy.orm import Session

from models.cases import Attempt
from models.words import AttemptState
from tests.line.asked import called_back, press_early, resolved_case, settled
from tests.line.site import Site


async def test_worker_killed_between_lease_and_dial(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, line={"poll_every": 4.0}) as site:
        citizen = await site.citizen()
        number = await resolved_case(site, citizen)
        line = site.process("line")
        line.send_signal(signal.SIGSTOP)  # so that the lease is there before anybody can dial it

        def is_leased(session: Session) -> bool | None:
            found = session.query(Attempt).filter_by(case_number=number, state=AttemptState.LEASED).first()
            return True if found is not None else None

        await site.row(is_leased, "the lease")
        site.stop("worker", signal.SIGKILL)
        line.send_signal(signal.SIGCONT)
        talk = await called_back(citizen)
        site.start("worker")
        await press_early(site, talk, "1111")
        await talk.ended(within=30)
        await settled(site, number, "closed")
        await asyncio.sleep(6)  # a second dialling would be seen by now
        assert citizen.invites_from(site.city.numbers.shown) == 1
        await site.no_channel_left()
