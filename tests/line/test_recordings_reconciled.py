"""Calls N, recorded N, missing 0: by Asterisk's own list; a sound or a row that is gone makes it 1 each."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models import kinds
from models.calls import Call, Leg
from models.event import now
from models.log import LoggedEvent
from recordings.cel import Cel
from recordings.reconcile import Reconciled, Why, reconcile
from tests.line.site import Site
from tests.line.talked import UNHURRIED, rung


async def account(site: Site, calls: int) -> Reconciled:
    """As the worker makes it every minute; once Asterisk's list tells of so many calls."""

    def look() -> Reconciled | None:
        seen = Cel(site.settings.cel).look()
        later = now() + timedelta(minutes=1)  # nothing is on its way any more
        with site.store.reading() as session:
            made = reconcile(session, seen, raw=site.settings.raw, sealed=site.settings.sealed, now=later)
        return made if made.calls == calls else None

    return await site.until(look, f"{calls} calls in Asterisk's list")


async def raw_is_closed(site: Site) -> list[Path]:
    def look() -> list[Path] | None:
        raw = list(site.settings.raw.glob("*.raw"))
        return raw if raw and all(path.with_suffix(".done").exists() for path in raw) else None

    return await site.until(look, "Asterisk to close its files")


async def test_what_is_missing_is_counted(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, line=UNHURRIED) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        await rung(site, citizen, operator)
        answered = await site.ended_call()
        talk = await citizen.call(site.uri)
        await talk.heard_sound(within=5)
        await talk.hang_up()
        abandoned = await site.ended_call(other_than=[answered.id])
        await operator.next_call(within=1)
        whole = await account(site, 2)
        assert (whole.recorded, whole.missing, dict(whole.doubtful)) == (2, (), {})

        site.stop("worker")
        await rung(site, citizen, operator)
        for path in await raw_is_closed(site):
            path.unlink()
        site.start("worker")
        deaf = await site.ended_call(other_than=[answered.id, abandoned.id])

        def told(session: Session) -> int | None:
            stream = f"call:{deaf.id}"
            failed = session.query(LoggedEvent).filter_by(stream=stream, kind=kinds.RECORDING_FAILED)
            return failed.count() or None

        await site.row(told, "the loss to be told")
        short = await account(site, 3)
        assert [(one.call, one.why) for one in short.missing] == [(deaf.id, Why.NO_SOUND)]
        assert short.recorded == 2

        with site.store.transaction() as session:
            session.execute(delete(Leg).where(Leg.call_id == answered.id))
            session.execute(delete(Call).where(Call.id == answered.id))
        shorter = await account(site, 3)
        assert {one.call: one.why for one in shorter.missing} == {
            deaf.id: Why.NO_SOUND,
            answered.id: Why.NO_ROW,
        }
        assert shorter.recorded == 1
