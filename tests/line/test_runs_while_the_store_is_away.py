"""The store cannot be written, or is not there, while somebody calls: the call is as ever, and is stored after."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.phones import Phone
from models.calls import Call
from models.cases import Case
from models.words import Disposition
from tests.line.site import Site
from tests.line.talked import UNHURRIED, rung


@contextlib.contextmanager
def locked(site: Site) -> Iterator[None]:
    """Somebody else writes, and does not end."""
    with contextlib.closing(sqlite3.connect(site.folder / "store" / "minsheng.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextlib.contextmanager
def gone(site: Site) -> Iterator[None]:
    """Its folder is not there, as when a disk is not mounted."""
    place, away = site.folder / "store", site.folder / "away"
    place.rename(away)
    yield
    away.rename(place)


async def called(site: Site, citizen: Phone, operator: Phone) -> None:
    await rung(site, citizen, operator)
    await site.no_channel_left()


@pytest.mark.parametrize("away", [locked, gone])
async def test_a_call_while_the_store_is(tmp_path: Path, away: object) -> None:
    async with Site(tmp_path, seats=1, line=UNHURRIED) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        assert callable(away)
        with away(site):
            await called(site, citizen, operator)
            if away is locked:
                with site.store.reading() as session:
                    assert session.query(Call).count() == 0
        call = await site.ended_call(within=60)
        assert call.disposition == Disposition.ANSWERED
        assert call.operator == "op1"
        await site.row(lambda session: session.get(Case, call.case_number or ""), "the case")

        def sound(session: object) -> bool | None:
            with site.store.reading() as again:
                return len(again.get_one(Call, call.id).recordings) == 2 or None

        await site.row(sound, "both recordings", 60)
