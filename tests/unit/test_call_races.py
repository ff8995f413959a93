"""Two things at once: a person, a key and a hang-up in the same moment; two who answer; one who answers too late."""

from __future__ import annotations

import asyncio

import pytest

from models import kinds
from models.words import Disposition
from telephony.call import Call
from telephony.fake.callees import answers, no_answer
from telephony.fake.channels import FakeChannel
from telephony.leg import Leg
from telephony.turns import CallerGone, PersonReady, PersonWanted
from tests.unit.line_world import VIRTUAL_TIME, World, prompts

pytestmark = VIRTUAL_TIME


def a_call(world: World) -> Call:
    """A call of its own, with no dialogue and no desk about it."""
    return Call(world.client, world.house.router, "n1-1.1", "n1-1.1", "")


def a_leg(world: World) -> Leg:
    return Leg("n1-1.1.op1.1", "op1", world.client, world.house.router)


def pressed(key: str) -> asyncio.Future[str]:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    answer.set_result(key)
    return answer


async def test_who_has_gone_is_gone_though_a_person_came_and_a_key_was_pressed(world: World) -> None:
    call = a_call(world)
    call.interrupt(PersonReady(a_leg(world)))
    call.gone.set_result(None)
    with call.interruptible(), pytest.raises(CallerGone):
        await call.until(pressed("1"))


async def test_a_person_is_more_than_a_key_and_than_the_wish_for_one(world: World) -> None:
    call, answer = a_call(world), pressed("1")
    call.interrupt(PersonWanted())
    call.interrupt(PersonReady(a_leg(world)))
    call.interrupt(PersonWanted())
    with call.interruptible(), pytest.raises(PersonReady):
        await call.until(answer)
    with call.interruptible():
        assert await call.until(answer) == "1"  # the turn was taken, once


async def test_a_turn_waits_until_the_dialogue_may_be_interrupted(world: World) -> None:
    call, answer = a_call(world), pressed("1")
    call.interrupt(PersonWanted())
    assert await call.until(answer) == "1"
    with call.interruptible(), pytest.raises(PersonWanted):
        await call.until(answer)


@pytest.mark.parametrize("steps", [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30, 40])
async def test_the_citizen_hangs_up_just_as_they_are_being_joined(world: World, steps: int) -> None:
    gone: list[FakeChannel] = []

    async def meanwhile(leg: FakeChannel) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        gone.append(caller)
        caller.hang_up()

    world.phone("op1", answers(1.0).then(meanwhile))
    caller = await world.citizen()
    await asyncio.sleep(3.0)
    assert gone
    assert world.left_over() == []
    talked = bool(world.of(kinds.CALL_TALK))
    assert world.ended()["by"] == "caller"
    assert world.ended()["disposition"] == (Disposition.ANSWERED if talked else Disposition.ABANDONED)


@pytest.mark.parametrize("steps", [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30, 40])
async def test_the_operator_hangs_up_just_as_they_are_being_joined(world: World, steps: int) -> None:
    """Before the join that is no talk: the citizen stays at the head; after it, they are told."""

    async def puts_it_down(leg: FakeChannel) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        world.phone("op1", no_answer())
        leg.hang_up()

    world.phone("op1", answers(1.0).then(puts_it_down))
    caller = await world.citizen()
    await asyncio.sleep(5.0)
    assert not caller.ended.is_set()
    assert world.fake.bridges == {}
    talked = bool(world.of(kinds.CALL_TALK))
    assert talked == ("after_talk" in prompts(caller))
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert world.ended()["disposition"] == (Disposition.ANSWERED if talked else Disposition.ABANDONED)


async def test_a_person_answers_while_the_citizen_is_being_recorded(world: World) -> None:
    caller = await world.citizen()
    await caller.hears("beep")
    await asyncio.sleep(1.5)
    caller.speak(60.0)
    world.phone("op1", answers(1.0))
    await asyncio.sleep(3.5)
    assert caller.bridge is not None and world.leg("op1").bridge is caller.bridge
    assert world.asked_for("/recordings/live")  # stopped first: a channel that is recorded enters no bridge
    assert not caller.is_deaf
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []


async def test_of_two_who_answer_at_once_one_talks_and_the_other_is_let_go(world: World) -> None:
    for name in ("op1", "op2"):
        world.phone(name, answers(2.0))
    caller = await world.citizen()
    await asyncio.sleep(0.5)
    world.leg("op1").destroy(19)  # so that both ring from the same moment
    caller.press("1")
    await asyncio.sleep(13.0)
    legs = [one for one in world.fake.channels.values() if one is not caller]
    assert len(legs) == 1 and legs[0].bridge is caller.bridge is not None
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert len(world.of(kinds.CALL_TALK)) == 1


async def test_the_others_stop_within_200_ms_of_the_first_answer(world: World) -> None:
    world.phone("op1", answers(3.0))
    world.phone("op2", no_answer())
    caller = await world.citizen()
    caller.press("1")
    await asyncio.sleep(2.0)
    first, other = world.leg("op1"), world.leg("op2")
    while first.state != "Up":
        assert not other.ended.is_set()
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.1)
    assert other.ended.is_set()
    assert caller.bridge is first.bridge is not None


async def test_a_phone_that_could_not_be_stopped_is_stopped_later(world: World) -> None:
    world.phone("op1", no_answer())
    caller = await world.citizen()
    leg = world.leg("op1")
    world.fake.faults.fail_next("DELETE /channels/", status=500)
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert not leg.ended.is_set()
    await asyncio.sleep(6.0)
    assert leg.ended.is_set()
    assert world.left_over() == []


async def test_a_phone_that_answers_after_the_citizen_has_left_is_let_go(world: World) -> None:
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    world.fake.faults.fail_next("DELETE /channels/", status=500)
    caller.hang_up()
    await asyncio.sleep(8.0)
    assert world.left_over() == []
    assert world.of(kinds.CALL_TALK) == []


async def test_a_leg_nobody_remembers_is_let_go_when_it_answers(world: World) -> None:
    world.phone("op1", answers(1.0))
    await world.client.channels.originateWithId(
        channelId="n1-1700000000.1.op1.1",
        endpoint="PJSIP/op1",
        context="ms-seat",
        extension="s",
        priority=1,
        variables={"MS_APP": "minsheng-n1"},
    )
    await asyncio.sleep(3.0)
    assert world.fake.channels == {}


async def test_keys_while_talking_do_no_harm(world: World) -> None:
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    await asyncio.sleep(3.0)
    world.phone("op2", no_answer())
    for key in "0110*#9":
        caller.press(key)
        await asyncio.sleep(0.1)
    assert caller.bridge is world.leg("op1").bridge is not None
    assert world.of(kinds.CALL_PRIORITY) == []
    assert [body["seat"] for body in world.of(kinds.LEG_START)] == ["op1"]
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
    assert world.ended()["disposition"] == Disposition.ANSWERED


@pytest.mark.parametrize("at", [0.05, 0.5, 1.5, 5.0, 9.0, 14.8, 16.0, 17.5, 19.0])
@pytest.mark.parametrize("key", ["0", "1"])
async def test_0_and_1_ring_everybody_at_any_moment(world: World, at: float, key: str) -> None:
    for name in ("op1", "op2"):
        world.phone(name, no_answer())
    caller = await world.citizen()
    await asyncio.sleep(at)
    caller.press(key)
    await asyncio.sleep(0.3)
    told = world.of(kinds.CALL_PRIORITY)
    assert [body["priority"] for body in told] == (["emergency"] if key == "1" else [])
    assert world.stages()[-1] == "waiting"
    assert {one.endpoint for one in world.fake.channels.values()} == {
        "PJSIP/citizen",
        "PJSIP/op1",
        "PJSIP/op2",
    }
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.left_over() == []
