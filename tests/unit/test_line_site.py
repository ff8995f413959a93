"""The line reads the city as this site has changed it, not as it is shipped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ivr.outbound import ring_back
from models import kinds
from models.words import Outcome
from telephony.fake.callees import answers
from tests.unit.line_world import CITIZEN, VIRTUAL_TIME, World, lease

pytestmark = VIRTUAL_TIME

OWN = """
[supervisor]
id = "shift_b"
name = "乙班班长"

[numbers]
published = ["110", "05996110110"]
shown = "05996110110"
never_dial = "110 112 119 120 122 999 12110 12119 12345 12395 95119 96110 13900000001"

[notice]
version = "7"
"""


async def test_an_abandoned_case_is_the_sites_supervisors_and_the_notice_is_its_version(
    make_world: Callable[..., Awaitable[World]],
) -> None:
    world = await make_world(1, site=OWN)
    caller = await world.citizen()
    await caller.hears("notice")
    caller.hang_up()
    await asyncio.sleep(0.5)
    (case,) = world.of(kinds.CASE_OPENED)
    assert (case["kind"], case["owner"]) == ("abandoned", "shift_b")
    (start,) = world.of(kinds.CALL_START)
    assert start["notice"] == "7"


async def test_whom_the_site_never_dials_is_not_dialled(make_world: Callable[..., Awaitable[World]]) -> None:
    world = await make_world(1, site=OWN)
    await ring_back(world.house, lease(world, "13900000001"))
    (body,) = world.of(kinds.ATTEMPT_OUTCOME)
    assert body["outcome"] == Outcome.OURS
    assert world.fake.dialled == []


async def test_a_callback_shows_the_sites_number(make_world: Callable[..., Awaitable[World]]) -> None:
    world = await make_world(1, site=OWN)
    world.fake.phone(CITIZEN, answers(0.5))
    await ring_back(world.house, lease(world))
    shown = [query["callerId"] for _, query in world.fake.requests if "callerId" in query]
    assert shown == ["05996110110"]
