"""The whole of the main job with PostgreSQL as the store: from the citizen's call to the case closed by them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from models import kinds
from models.cases import Case
from models.log import LoggedEvent
from models.words import Disposition, Ground, TranscriptState
from tests.line.asked import called_back, done_by, press_early, settled
from tests.line.site import Site
from tests.line.talked import UNHURRIED, read, spoken
from tests.postgresql import server

STORY = ["assigned", "accepted", "resolved", "confirmed", "closed"]  # the states of the case, in order


async def test_answered_read_assigned_resolved_called_back_and_closed(tmp_path: Path) -> None:
    with server() as postgresql:
        postgresql.run("CREATE DATABASE story")
        store = {"url": postgresql.url("story")}
        async with Site(tmp_path / "site", seats=1, words=True, line=UNHURRIED, store=store) as site:
            operator, citizen = await site.seat("op1"), await site.citizen()
            await spoken(site, citizen, operator, "citizen_1", "operator_1")
            call = await site.ended_call()
            assert call.disposition == Disposition.ANSWERED
            assert (await read(site, call)).state == TranscriptState.DONE
            number = call.case_number or ""
            case = await site.row(lambda session: session.get(Case, number), "the case")
            assert case.suggested_unit
            done_by(site, number, case.suggested_unit)
            talk = await called_back(citizen)
            await press_early(site, talk, "1111")
            await talk.ended(within=30)
            closed = await settled(site, number, "closed")
            assert closed.ground == Ground.CITIZEN_CONFIRMED
            assert closed.unit == case.suggested_unit

            def passed(session: Session) -> list[str] | None:
                told = session.query(LoggedEvent).filter_by(stream=f"case:{number}", kind=kinds.CASE_STEP)
                return [event.body["to"] for event in told.order_by(LoggedEvent.seq)] or None

            assert await site.row(passed, "the case's history") == STORY
            await site.no_channel_left()
            assert not (site.folder / "store").exists()
