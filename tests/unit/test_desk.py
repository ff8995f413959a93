"""Who is rung for whom: the longest idle first, more as time passes, everybody for an emergency."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from models import kinds
from telephony.fake.callees import answers, busy, fails, no_answer, rejects
from telephony.leg import Leg
from tests.unit.line_world import VIRTUAL_TIME, World

pytestmark = VIRTUAL_TIME

Make = Callable[..., Awaitable[World]]


def rung(world: World) -> list[str]:
    return [body["seat"] for body in world.of(kinds.LEG_START)]


def ringing(world: World) -> set[str]:
    return {one.dialled for one in world.fake.channels.values() if one.dialled}


async def registered(world: World, *names: str) -> None:
    """These phones come in this order."""
    for name in names:
        world.phone(name, no_answer())
        await asyncio.sleep(0.5)


async def test_an_ordinary_call_rings_the_longest_idle_and_one_more_every_few_seconds(
    make_world: Make,
) -> None:
    world = await make_world(3, widen_every=5.0)
    await registered(world, "op2", "op3", "op1")
    await world.citizen()
    await asyncio.sleep(4.0)
    assert rung(world) == ["op2"]
    await asyncio.sleep(1.5)
    assert rung(world) == ["op2", "op3"]
    await asyncio.sleep(5.0)
    assert rung(world) == ["op2", "op3", "op1"]
    assert ringing(world) == {"op1", "op2", "op3"}


async def test_a_phone_that_was_only_beaten_to_it_keeps_its_place(make_world: Make) -> None:
    world = await make_world(2, widen_every=2.0)
    await registered(world, "op1", "op2")
    world.phone("op2", answers(1.0))
    caller = await world.citizen()
    await asyncio.sleep(4.0)
    assert rung(world) == ["op1", "op2"]  # the second one answered
    caller.hang_up()
    await asyncio.sleep(1.0)
    await world.citizen()
    await asyncio.sleep(1.0)
    assert rung(world)[2:] == ["op1"]


async def test_who_has_just_talked_is_the_last_to_be_rung(make_world: Make) -> None:
    world = await make_world(2)
    await registered(world, "op1", "op2")
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    await asyncio.sleep(4.0)
    caller.hang_up()
    await asyncio.sleep(1.0)
    await world.citizen()
    await asyncio.sleep(1.0)
    assert rung(world) == ["op1", "op2"]


@pytest.mark.parametrize(
    ("does", "how"),
    [(busy(), "busy"), (rejects(0.5), "rejected"), (fails(503), "unreachable"), (fails(480), "unreachable")],
)
async def test_a_phone_that_cannot_be_had_is_passed_over_at_once(
    make_world: Make, does: Any, how: str
) -> None:
    world = await make_world(2, widen_every=60.0)
    await registered(world, "op1", "op2")
    world.phone("op1", does)
    await world.citizen()
    await asyncio.sleep(1.5)
    assert rung(world) == ["op1", "op2"]
    assert [body["how"] for body in world.of(kinds.LEG_END)] == [how]
    await asyncio.sleep(12.0)
    assert rung(world) == ["op1", "op2"]  # not instead of one that rings


async def test_a_phone_that_does_not_answer_gives_way_to_the_next(make_world: Make) -> None:
    world = await make_world(2, widen_every=60.0, seat_rings=4.0)
    await registered(world, "op1", "op2")
    await world.citizen()
    await asyncio.sleep(5.0)
    assert rung(world) == ["op1", "op2"]
    assert [body["how"] for body in world.of(kinds.LEG_END)] == ["no_answer"]


async def test_a_phone_that_is_not_registered_is_not_rung(world: World) -> None:
    await world.citizen()
    await asyncio.sleep(5.0)
    assert rung(world) == []
    world.phone("op1", answers(1.0))
    await asyncio.sleep(0.5)
    assert rung(world) == ["op1"]


async def test_a_phone_that_goes_away_while_it_rings_holds_up_nobody(make_world: Make) -> None:
    world = await make_world(2, widen_every=60.0)
    await registered(world, "op1", "op2")
    await world.citizen()
    await asyncio.sleep(1.0)
    world.fake.unregister("op1")
    await asyncio.sleep(0.5)
    assert rung(world) == ["op1", "op2"]


async def test_a_seat_in_a_call_of_its_own_is_left_alone(make_world: Make) -> None:
    world = await make_world(1)
    world.phone("op1", no_answer())
    await asyncio.sleep(0.5)
    world.desk.seat_state("op1", "INUSE")
    await world.citizen()
    await asyncio.sleep(3.0)
    assert rung(world) == []
    world.desk.seat_state("op1", "NOT_INUSE")
    await asyncio.sleep(0.5)
    assert rung(world) == ["op1"]


async def test_device_states_that_repeat_are_one_event(make_world: Make) -> None:
    world = await make_world(1)
    for state in ("NOT_INUSE", "NOT_INUSE", "INUSE", "INUSE", "NOT_INUSE"):
        world.desk.seat_state("op1", state)
    world.desk.seat_state("nobody", "NOT_INUSE")
    assert [body["state"] for body in world.of(kinds.SEAT_STATE)][-3:] == ["NOT_INUSE", "INUSE", "NOT_INUSE"]


async def test_an_emergency_rings_everybody_and_takes_the_phones_of_ordinary_calls(make_world: Make) -> None:
    world = await make_world(3)
    await registered(world, "op1", "op2", "op3")
    first = await world.citizen("13900000001")
    await asyncio.sleep(0.5)
    second = await world.citizen("13900000002")
    await asyncio.sleep(0.5)
    assert ringing(world) == {"op1", "op2"}
    urgent = await world.citizen("13900000003")
    urgent.press("1")
    await asyncio.sleep(0.5)
    legs = [body["leg"] for body in world.of(kinds.LEG_START)]
    assert {leg.split(".")[-2] for leg in legs if leg.startswith(urgent.id)} == {"op1", "op2", "op3"}
    assert len(ringing(world)) == 3
    urgent.hang_up()
    await asyncio.sleep(0.5)
    assert len(ringing(world)) == 2  # back to those who wait
    for caller in (first, second):
        caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []


async def test_a_phone_passed_over_for_an_emergency_is_left_to_an_ordinary_call(make_world: Make) -> None:
    """Else the two would take it from each other four times a second."""
    world = await make_world(1)
    world.phone("op1", rejects(1.0))
    await asyncio.sleep(0.5)
    urgent = await world.citizen("13900000001")
    urgent.press("1")
    await world.citizen("13900000002")
    await asyncio.sleep(8.0)
    assert len(rung(world)) <= 3


async def test_two_citizens_and_one_seat_that_is_freed_for_the_second(make_world: Make) -> None:
    world = await make_world(1)
    world.phone("op1", answers(1.0))
    await asyncio.sleep(0.5)
    first, second = await world.citizen("13900000001"), await world.citizen("13900000002")
    await asyncio.sleep(3.0)
    assert first.bridge is not None and second.bridge is None
    first.hang_up()
    await asyncio.sleep(3.0)
    assert second.bridge is world.leg("op1").bridge is not None


async def test_who_waits_longest_is_served_first_also_after_a_talk_that_was_cut(make_world: Make) -> None:
    world = await make_world(1)
    world.phone("op1", answers(1.0))
    await asyncio.sleep(0.5)
    first = await world.citizen("13900000001")
    await asyncio.sleep(2.0)
    second = await world.citizen("13900000002")
    await asyncio.sleep(1.0)
    world.leg("op1").end(44)
    await asyncio.sleep(3.0)
    assert first.bridge is not None and second.bridge is None


async def test_leaving_while_a_phone_is_being_asked_for_stops_it(world: World) -> None:
    """The hang-up could overtake the request, and then it would ring for nobody."""
    sent = asyncio.Event()
    go_on = asyncio.Event()
    request = world.client.channels._transport.request

    async def slow(method: str, path: str, query: Any, body: Any) -> Any:
        if method == "POST" and path.startswith("/channels/n1") and ".op1." in path:
            sent.set()
            await go_on.wait()
        return await request(method, path, query, body)

    world.client.channels._transport.request = slow  # type: ignore[method-assign]
    world.phone("op1", no_answer())
    caller = await world.citizen()
    await sent.wait()
    caller.hang_up()
    await asyncio.sleep(0.5)
    go_on.set()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert [body["how"] for body in world.of(kinds.LEG_END)] == ["cancelled"]


async def test_an_id_is_used_once(make_world: Make) -> None:
    world = await make_world(1, seat_rings=1.0)
    world.phone("op1", no_answer())
    await world.citizen()
    await asyncio.sleep(60.0)
    legs = [body["leg"] for body in world.of(kinds.LEG_START)]
    assert len(legs) > 2 and len(set(legs)) == len(legs)


async def test_a_fault_while_a_phone_rings_frees_its_seat(
    make_world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await make_world(1)

    async def broken(self: Leg) -> bool:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Leg, "answer", broken)
    world.phone("op1", no_answer())
    await world.citizen()
    await asyncio.sleep(1.0)
    assert world.desk.seats["op1"].ringing_for is None
    assert ringing(world) == set()
    monkeypatch.undo()
    world.phone("op1", answers(1.0))
    await asyncio.sleep(12.0)
    assert world.of(kinds.CALL_TALK)


async def test_the_reply_to_a_request_is_lost_and_the_phone_rings_all_the_same(make_world: Make) -> None:
    world = await make_world(1)
    world.fake.faults.lose_reply(r"POST /channels/n1-.*\.op1\.")
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    await asyncio.sleep(5.0)
    assert caller.bridge is world.leg("op1").bridge is not None


# The staff ----------------------------------------------------------------------------------------------


async def seats_of_the_fallback(world: World) -> str:
    return world.fake.global_variables.get("MS_SEATS", "")


async def test_a_seat_added_later_is_subscribed_rung_and_named_to_the_fallback(make_world: Make) -> None:
    world = await make_world(1)
    keeping = asyncio.create_task(world.staff.keep())
    await asyncio.sleep(0.5)
    assert await seats_of_the_fallback(world) == "op1"
    world.store.answers["staff_list"] = [("op1", "101"), ("op7", "107")]
    await asyncio.sleep(11.0)  # in the store, and Asterisk does not know the account yet
    world.fake.phone("op7", answers(1.0))
    await asyncio.sleep(11.0)
    assert await seats_of_the_fallback(world) == "op1,op7"
    caller = await world.citizen()
    await asyncio.sleep(3.0)
    assert caller.bridge is world.leg("op7").bridge is not None
    keeping.cancel()


async def test_a_seat_that_was_removed_rings_no_more(make_world: Make) -> None:
    world = await make_world(2)
    keeping = asyncio.create_task(world.staff.keep())
    await registered(world, "op1", "op2")
    world.store.answers["staff_list"] = [("op2", "102")]
    await asyncio.sleep(11.0)
    await world.citizen()
    await asyncio.sleep(12.0)
    assert set(rung(world)) == {"op2"}
    assert await seats_of_the_fallback(world) == "op2"
    keeping.cancel()


async def test_a_store_that_is_away_takes_no_seat_away(make_world: Make) -> None:
    world = await make_world(2)
    world.store.away = True
    keeping = asyncio.create_task(world.staff.keep())
    await registered(world, "op1")
    await asyncio.sleep(25.0)
    await world.citizen()
    await asyncio.sleep(1.0)
    assert rung(world) == ["op1"]
    keeping.cancel()


async def test_an_asterisk_that_was_restarted_is_told_everything_again(make_world: Make) -> None:
    world = await make_world(1)
    world.phone("op1", no_answer())
    world.fake.global_variables.clear()
    world.fake.applications["minsheng-n1"].devices.clear()
    world.fake.drop_links()
    await asyncio.sleep(2.0)
    assert await seats_of_the_fallback(world) == "op1"
    assert world.fake.applications["minsheng-n1"].devices == {"PJSIP/op1"}
    assert [body["state"] for body in world.of(kinds.LINE_STATE)] == ["started", "link_lost", "link_back"]
