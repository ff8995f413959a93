"""What goes wrong on our side: the citizen goes to the dialplan, comes back, and the same report goes on."""

from __future__ import annotations

import asyncio

import pytest

from ivr.converse import Next, stays
from ivr.house import House
from ivr.report import Report
from ivr.stages import waiting
from models import kinds
from models.words import Disposition
from telephony.call import Call
from telephony.fake.callees import answers, no_answer
from tests.unit.line_world import VIRTUAL_TIME, World

pytestmark = VIRTUAL_TIME

FALLBACK = "ms-fallback"


@pytest.mark.parametrize(
    "verb", ["POST /channels/[^/]+/play", "POST /channels/[^/]+/silence", "POST /channels/[^/]+/record"]
)
async def test_asterisk_does_not_answer_a_verb(world: World, verb: str) -> None:
    world.fake.fallback_round = 4.0
    caller = world.incoming()
    world.fake.faults.lose_reply(verb)
    for _ in range(300):
        await asyncio.sleep(0.1)
        if caller.context == FALLBACK:
            break
    assert caller.context == FALLBACK and not caller.ended.is_set()
    assert world.left_over() == [f"channel {caller.id}", f"router {caller.id}", f"report {caller.id}"]
    world.phone("op1", answers(1.0))
    await caller.hears("apology")
    await asyncio.sleep(3.0)
    assert caller.bridge is world.leg("op1").bridge is not None
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert len(world.of(kinds.CALL_START)) == 1
    assert world.ended()["disposition"] == Disposition.ANSWERED


async def test_a_prompt_that_could_not_be_stopped_does_not_matter(world: World) -> None:
    world.fake.faults.fail_next("DELETE /playbacks/", status=500)
    caller = await world.citizen()
    await asyncio.sleep(0.5)
    caller.press("0")
    await caller.hears("wait")
    assert caller.context != FALLBACK


@pytest.mark.parametrize(
    "verb", ["POST /bridges/[^/]+$", "POST /bridges/[^/]+/addChannel", "DELETE /bridges"]
)
async def test_asterisk_does_not_answer_while_people_are_joined(world: World, verb: str) -> None:
    world.phone("op1", answers(1.0, hangs_up_after=4.0))
    world.fake.faults.lose_reply(verb)
    caller = await world.citizen()
    await asyncio.sleep(20.0)
    assert not caller.ended.is_set() or world.ended()["disposition"] == Disposition.ANSWERED
    caller.hang_up()
    await asyncio.sleep(1.0)
    assert world.left_over() == []


async def test_an_announcement_that_fails_parts_nobody(world: World) -> None:
    world.phone("op1", answers(1.0))
    world.fake.faults.fail_next("POST /bridges/[^/]+/play", status=500)
    caller = await world.citizen()
    await asyncio.sleep(4.0)
    assert caller.bridge is world.leg("op1").bridge is not None


async def test_a_phone_that_cannot_be_joined_leaves_the_citizen_to_the_dialplan(world: World) -> None:
    """400 for a channel that lives: not its end, but a fault."""
    world.phone("op1", answers(1.0))
    world.fake.faults.fail_next("POST /bridges/[^/]+/addChannel", status=400)
    caller = await world.citizen()
    await asyncio.sleep(4.0)
    assert caller.context == FALLBACK
    assert world.fake.bridges == {} and list(world.fake.channels.values()) == [caller]


async def test_asterisk_stands_still_for_a_while(world: World) -> None:
    world.phone("op1", no_answer())
    caller = await world.citizen()
    await asyncio.sleep(4.0)
    world.fake.faults.stall()
    await asyncio.sleep(30.0)
    world.fake.faults.resume()
    world.phone("op1", answers(1.0))
    await asyncio.sleep(30.0)
    assert not caller.ended.is_set()
    assert caller.bridge is not None or caller.context == FALLBACK


async def faulty(call: Call, report: Report, house: House, opening: str | None = None) -> None:
    raise ValueError("a fault of ours")


async def test_an_exception_in_a_dialogue_never_loses_the_caller_and_a_row_of_them_does_not_spin(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fake.fallback_round = 2.0
    monkeypatch.setattr("ivr.line.greeting", faulty)
    monkeypatch.setattr(waiting, "waiting", faulty)
    caller = world.incoming()
    await asyncio.sleep(60.0)
    assert caller.context == FALLBACK and not caller.ended.is_set()
    assert len(world.of(kinds.LINE_FAULT)) == 3  # then the dialplan has it alone
    assert len(world.asked_for("POST /events/claim")) == 3
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert world.ended()["disposition"] == Disposition.FALLBACK
    assert (world.of(kinds.CASE_OPENED) + world.of(kinds.CASE_MARKED))[-1]["welfare"]


@stays(3.0)
async def stuck(call: Call, report: Report, house: House) -> Next | None:
    await call.until(asyncio.get_running_loop().create_future())
    return None


async def test_a_stage_that_stays_longer_than_it_says_goes_to_the_dialplan(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.line.greeting", stuck)
    caller = await world.citizen()
    await asyncio.sleep(4.0)
    assert caller.context == FALLBACK
    assert world.of(kinds.LINE_FAULT) == [{"what": "Overstayed"}]


async def test_a_playback_whose_end_is_never_told_does_not_hold_the_citizen(world: World) -> None:
    world.fake.media_seconds["notice"] = 3600.0
    caller = await world.citizen()
    await asyncio.sleep(30.0)
    assert caller.context == FALLBACK


async def test_somebody_else_gives_the_citizen_to_the_dialplan(world: World) -> None:
    """The guard, when the line was silent: the call goes on under the same report."""
    world.fake.fallback_round = 10.0
    world.phone("op1", no_answer())
    caller = await world.citizen()
    await asyncio.sleep(2.0)
    await world.client.channels.continueInDialplan(channelId=caller.id, context=FALLBACK)
    await asyncio.sleep(5.0)
    assert caller.context == FALLBACK and list(world.fake.channels.values()) == [caller]
    assert world.of(kinds.CALL_END) == []
    await caller.hears("apology")
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert world.ended()["disposition"] == Disposition.FALLBACK
    assert len(world.of(kinds.CALL_START)) == 1


async def test_who_presses_1_in_the_fallback_comes_back_as_an_emergency(world: World) -> None:
    caller = await world.citizen()
    await world.client.channels.continueInDialplan(channelId=caller.id, context=FALLBACK)
    await asyncio.sleep(3.0)
    caller.press("1")
    await caller.hears("apology")
    assert world.of(kinds.CALL_PRIORITY) == [{"priority": "emergency", "why": "key"}]
    caller.hang_up()


async def test_a_hang_up_whose_event_was_lost_is_found_by_asking(world: World) -> None:
    caller = await world.citizen()
    await asyncio.sleep(2.0)
    world.fake.drop_links()
    caller.hang_up()
    await asyncio.sleep(30.0)
    assert world.left_over() == []
    assert world.ended()["disposition"] == Disposition.ABANDONED


async def test_the_line_ends_and_every_channel_stays_as_it_is(world: World) -> None:
    world.phone("op1", answers(1.0))
    talking, queueing = await world.citizen(), await world.citizen("13900000002")
    await asyncio.sleep(4.0)
    before = len(world.fake.requests)
    await world.line.let_be()
    await asyncio.sleep(1.0)
    assert world.fake.requests[before:] == []
    assert talking.bridge is world.leg("op1").bridge is not None
    assert not queueing.ended.is_set()
    assert world.of(kinds.CALL_END) == []


@pytest.mark.parametrize(
    "number", ["", "anonymous", "op1", "1' OR 1", "../../etc", "110@evil,&PJSIP/x", "一二三", "1" * 90]
)
async def test_rubbish_for_a_number_is_a_withheld_number(world: World, number: str) -> None:
    world.phone("op1", no_answer())
    caller = await world.citizen(number)
    await asyncio.sleep(0.5)
    assert [body["caller"] for body in world.of(kinds.CALL_START)] == [""]
    ring = next(query for request, query in world.fake.requests if ".op1." in request)
    assert ring["callerId"] == "anonymous"
    caller.hang_up()


@pytest.mark.parametrize(
    ("sent", "kept"), [("+8613859912345", "+8613859912345"), ("0599-632 0000", "05996320000")]
)
async def test_a_number_is_kept_as_a_number(world: World, sent: str, kept: str) -> None:
    caller = await world.citizen(sent)
    assert [body["caller"] for body in world.of(kinds.CALL_START)] == [kept]
    caller.hang_up()


async def test_an_operators_own_phone_rings_110_like_anybody(world: World) -> None:
    world.phone("op1", no_answer())
    world.phone("op2", answers(1.0))
    caller = world.fake.incoming("op1", trunk="op1")
    await asyncio.sleep(3.0)
    assert caller.bridge is world.leg("op2").bridge is not None
    assert [body["trunk"] for body in world.of(kinds.CALL_START)] == ["op1"]
    assert [body["seat"] for body in world.of(kinds.LEG_START)] == ["op2"]  # its own is in use
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
