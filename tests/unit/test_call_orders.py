"""Leases in the store become calls, but first the line settles what the one before it left untold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from ivr.orders import orders
from ivr.outbound import dialling
from models import kinds
from models.words import Outcome
from telephony.fake.callees import busy
from tests.unit.line_world import CITIZEN, VIRTUAL_TIME, World, lease

pytestmark = VIRTUAL_TIME


@pytest_asyncio.fixture
async def working(world: World) -> AsyncIterator[World]:
    """A line that looks at its orders; the store is away at first."""
    world.settings.run.mkdir(parents=True, exist_ok=True)
    world.fake.phone(CITIZEN, busy())
    one = lease(world)
    world.store.answers |= {"allowed": [one], "under_way": [(one.id, one.case_number)]}
    world.store.away = True
    looking = asyncio.create_task(orders(world.house, world.line.begin))
    yield world
    looking.cancel()
    await asyncio.wait({looking})


async def test_nothing_is_dialled_before_the_store_is_there_and_then_once(working: World) -> None:
    await asyncio.sleep(30.0)
    assert working.fake.dialled == []
    working.store.away = False
    await asyncio.sleep(60.0)
    assert working.fake.dialled == [f"PJSIP/{CITIZEN}@citizen"]
    assert [body["outcome"] for body in working.of(kinds.ATTEMPT_OUTCOME)] == [Outcome.BUSY]


async def test_what_was_dialled_before_the_restart_is_not_dialled_again(working: World) -> None:
    one = lease(working)
    working.spool.put(dialling(working.house, one.id, one.case_number))
    working.store.away = False
    await asyncio.sleep(60.0)
    assert working.fake.dialled == []
    assert [body["outcome"] for body in working.of(kinds.ATTEMPT_OUTCOME)] == [Outcome.UNKNOWN]
