"""Whoever hangs up first, in whatever stage: nothing is left over, and the call says how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from models import kinds
from models.words import Disposition
from telephony.fake.callees import answers, no_answer
from telephony.fake.channels import FakeChannel
from tests.unit.line_world import VIRTUAL_TIME, World

pytestmark = VIRTUAL_TIME

Reach = Callable[[World, FakeChannel], Awaitable[None]]


async def the_greeting(world: World, caller: FakeChannel) -> None:
    await caller.hears("notice")


async def the_queue(world: World, caller: FakeChannel) -> None:
    await caller.hears("notice")
    await asyncio.sleep(3.0)


async def the_first_question(world: World, caller: FakeChannel) -> None:
    await caller.hears("ask_what")


async def the_clip(world: World, caller: FakeChannel) -> None:
    await caller.hears("beep")
    await asyncio.sleep(1.5)


async def the_clip_in_which_they_spoke(world: World, caller: FakeChannel) -> None:
    world.says(caller, "what", 1, 2.0)
    await the_clip(world, caller)


async def the_playback_of_the_clip(world: World, caller: FakeChannel) -> None:
    world.says(caller, "what", 1, 2.0)
    await the_clip(world, caller)
    caller.press("#")
    await caller.hears("what.1")


async def the_digits(world: World, caller: FakeChannel) -> None:
    await the_playback_of_the_clip(world, caller)
    caller.press("1")
    world.says(caller, "where", 1, 2.0)
    await caller.hears("ask_where")
    await asyncio.sleep(2.5)
    caller.press("#")
    await caller.hears("said_where")
    caller.press("1")
    await caller.hears("ask_same_number")
    caller.press("2")
    await caller.hears("ask_number")
    caller.press("139")
    await asyncio.sleep(0.5)


async def the_wait_at_the_end(world: World, caller: FakeChannel) -> None:
    await the_playback_of_the_clip(world, caller)
    await caller.hears("goodbye")
    await asyncio.sleep(5.0)


async def the_silence(world: World, caller: FakeChannel) -> None:
    world.says(caller, "what", 1, 0.0)
    for asking in (1, 2):
        world.says(caller, "silence", asking, 0.0)
    await caller.hears("silent_stay")
    await asyncio.sleep(5.0)


async def the_wish_for_a_person(world: World, caller: FakeChannel) -> None:
    await caller.hears("notice")
    caller.press("0")
    await caller.hears("wait")


@pytest.mark.parametrize(
    ("stage", "disposition"),
    [
        (the_greeting, Disposition.ABANDONED),
        (the_queue, Disposition.ABANDONED),
        (the_first_question, Disposition.ABANDONED),
        (the_clip, Disposition.ABANDONED),
        (the_clip_in_which_they_spoke, Disposition.INTAKE),
        (the_playback_of_the_clip, Disposition.INTAKE),
        (the_digits, Disposition.INTAKE),
        (the_wait_at_the_end, Disposition.INTAKE),
        (the_silence, Disposition.SILENT),
        (the_wish_for_a_person, Disposition.ABANDONED),
    ],
)
async def test_the_citizen_hangs_up_in(world: World, stage: Reach, disposition: Disposition) -> None:
    world.phone("op1", no_answer())
    caller = await world.citizen()
    await stage(world, caller)
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert (world.ended()["disposition"], world.ended()["by"]) == (disposition, "caller")
    opened, marked = world.of(kinds.CASE_OPENED), world.of(kinds.CASE_MARKED)
    assert (opened + marked)[-1]["welfare"] is (stage is not the_wait_at_the_end)
    assert (opened + marked)[-1]["owner"] == world.house.city.supervisor.id


async def test_the_citizen_hangs_up_before_the_claim_arrives(world: World) -> None:
    caller = world.incoming()
    caller.hang_up()
    await asyncio.sleep(2.0)
    assert world.left_over() == []
    assert world.of(kinds.CALL_START) == []


async def test_the_citizen_hangs_up_while_talking(world: World) -> None:
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    await asyncio.sleep(3.0)
    leg = world.leg("op1")
    assert caller.bridge is leg.bridge is not None
    assert not caller.is_deaf
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert (world.ended()["disposition"], world.ended()["by"]) == (Disposition.ANSWERED, "caller")


async def test_the_operator_hangs_up_first_and_the_citizen_has_nothing_more(world: World) -> None:
    world.phone("op1", answers(1.0, hangs_up_after=5.0))
    caller = await world.citizen()
    await caller.hears("after_talk")
    assert not caller.ended.is_set()
    await asyncio.sleep(20.0)
    assert caller.ended.is_set()
    assert world.left_over() == []
    assert (world.ended()["disposition"], world.ended()["by"]) == (Disposition.ANSWERED, "operator")


async def test_the_citizen_hangs_up_in_the_grace_after_the_operator(world: World) -> None:
    world.phone("op1", answers(1.0, hangs_up_after=5.0))
    caller = await world.citizen()
    await caller.hears("after_talk")
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert (world.ended()["disposition"], world.ended()["by"]) == (Disposition.ANSWERED, "operator")


async def test_the_citizen_asks_for_a_person_again_and_gets_one(world: World) -> None:
    world.phone("op1", answers(1.0, hangs_up_after=5.0))
    caller = await world.citizen()
    await caller.hears("after_talk")
    caller.press("0")
    await asyncio.sleep(3.0)
    assert caller.bridge is not None
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert (world.ended()["disposition"], world.ended()["by"]) == (Disposition.ANSWERED, "caller")
    assert len(world.of(kinds.CALL_TALK)) == 2


async def test_no_matter_is_the_operators_key_and_ends_the_call(world: World) -> None:
    world.phone("op1", answers(1.0, hangs_up_after=5.0, keys=((2.0, "*"),)))
    caller = await world.citizen()
    await asyncio.sleep(8.0)
    assert caller.ended.is_set()
    assert world.left_over() == []
    assert world.ended()["disposition"] == Disposition.NO_MATTER


async def test_a_phone_that_fails_while_talking_is_no_persons_decision(world: World) -> None:
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    await asyncio.sleep(3.0)
    world.leg("op1").end(44)  # no sound came from it any more
    await caller.hears("apology")
    await asyncio.sleep(2.0)
    assert caller.bridge is not None  # rung again, and answered again
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert world.ended()["by"] == "caller"
