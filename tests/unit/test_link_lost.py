"""The event link is lost for a while: what was missed is learnt from Asterisk, and no dialogue sees the loss."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest

from models import kinds
from models.words import Disposition
from telephony.ari.transport import Broken, EventSocket
from telephony.fake.callees import answers, no_answer
from telephony.leg import Ending
from tests.unit.line_world import World, prompts

pytestmark = pytest.mark.looptime

Make = Callable[..., Awaitable[World]]


@asynccontextmanager
async def lost(world: World) -> AsyncIterator[None]:
    """Inside no event comes; requests work as ever."""
    way = world.client._way
    open_events = way.open_events

    async def refused(query: Mapping[str, str]) -> EventSocket:
        raise Broken("ClientConnectorError")

    way.open_events = refused  # type: ignore[method-assign]
    world.fake.drop_links()
    try:
        yield
    finally:
        way.open_events = open_events  # type: ignore[method-assign]
        await asyncio.sleep(3.0)


def undisturbed(world: World) -> bool:
    """No fault, and nobody was sent to the fallback."""
    return not world.of(kinds.LINE_FAULT) and not world.asked_for("/continue")


async def test_during_a_prompt(world: World) -> None:
    caller = await world.citizen()
    await caller.hears("notice")
    async with lost(world):
        await asyncio.sleep(2.0)
    await caller.hears("busy")
    assert world.stages() == ["greeting", "queue", "intake"]
    assert undisturbed(world)
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []


async def test_during_a_clip(world: World) -> None:
    caller = await world.citizen()
    await caller.hears("busy")
    world.says(caller, "what", 1, 2.0)
    await world.until(lambda: "beep" in prompts(caller))
    await asyncio.sleep(1.5)
    async with lost(world):
        caller.press("#")
        await asyncio.sleep(1.0)
    await caller.hears("what.1")
    (clip,) = world.of(kinds.CLIP)
    assert clip["seconds"] > 1.0
    assert undisturbed(world)


async def test_a_clip_that_still_runs_when_the_link_is_back(world: World) -> None:
    caller = await world.citizen()
    await caller.hears("busy")
    world.says(caller, "what", 1, 2.0)
    await world.until(lambda: "beep" in prompts(caller))
    await asyncio.sleep(1.5)
    caller.speak(20.0)
    async with lost(world):
        await asyncio.sleep(1.0)
    assert world.fake.recordings
    caller.press("#")
    await caller.hears("what.1")
    assert undisturbed(world)


async def test_while_they_talk(world: World) -> None:
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    await asyncio.sleep(4.0)
    bridge = caller.bridge
    async with lost(world):
        await asyncio.sleep(5.0)
    assert caller.bridge is bridge is not None
    assert undisturbed(world)
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []


async def test_the_citizen_hangs_up_meanwhile(world: World) -> None:
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    await asyncio.sleep(4.0)
    async with lost(world):
        caller.hang_up()
    assert world.left_over() == []
    assert world.ended()["disposition"] == Disposition.ANSWERED
    assert world.of(kinds.CALL_TALK_END)[0]["by"] == "caller"


async def test_the_operator_hangs_up_meanwhile_and_nobody_knows_why(world: World) -> None:
    """Then it may have been the phone: the citizen is at the head of the desk again."""
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    await asyncio.sleep(4.0)
    async with lost(world):
        world.leg("op1").hang_up()
    assert "apology" in prompts(caller)
    assert world.of(kinds.CALL_TALK_END)[0]["by"] == "phone"
    await asyncio.sleep(3.0)
    assert caller.bridge is world.leg("op1").bridge is not None


async def test_an_operator_picks_up_meanwhile(world: World) -> None:
    world.phone("op1", answers(2.0))
    caller = await world.citizen()
    await asyncio.sleep(1.0)
    async with lost(world):
        await asyncio.sleep(2.0)  # with no application there the dialplan lets the phone go
    await asyncio.sleep(3.0)
    assert caller.bridge is world.leg("op1").bridge is not None
    assert len(world.fake.dialled) == 2


async def test_a_phone_stops_ringing_meanwhile(make_world: Make) -> None:
    world = await make_world(1, seat_rings=3.0)
    world.phone("op1", no_answer())
    await world.citizen()
    await asyncio.sleep(1.0)
    async with lost(world):
        await asyncio.sleep(5.0)
    (ended,) = world.of(kinds.LEG_END)
    assert ended["how"] != "answered"
    assert len(world.fake.dialled) == 2  # and it is rung again


async def test_whom_the_dialplan_had_meanwhile_comes_back_as_the_same_call(world: World) -> None:
    caller = await world.citizen()
    async with lost(world):
        await world.client.channels.continueInDialplan(
            channelId=caller.id, context="ms-fallback", extension="s", priority=1
        )
        await asyncio.sleep(1.0)
    await world.until(lambda: caller.application is not None, 20.0)
    await caller.hears("apology")
    caller.hang_up()
    await asyncio.sleep(1.0)
    assert len(world.of(kinds.CALL_START)) == len(world.of(kinds.CALL_END)) == 1
    assert world.left_over() == []


async def test_lost_again_before_it_was_caught_up_with(world: World) -> None:
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    await asyncio.sleep(4.0)
    for _ in range(4):
        world.fake.drop_links()
        await asyncio.sleep(0.15)
    await asyncio.sleep(3.0)
    assert caller.bridge is not None and undisturbed(world)
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []


def test_an_end_that_nobody_saw_was_nobodys_decision() -> None:
    assert Ending("answered", 16).by_hand
    assert not Ending("answered", 0, seen=False).by_hand
