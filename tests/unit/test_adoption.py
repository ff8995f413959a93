"""A line is killed and another takes over: each row of the table of DESIGN 3, and what must not happen twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from ivr import past
from models import event, kinds
from models.words import Disposition, Priority
from telephony.fake.callees import answers, no_answer
from telephony.fake.channels import FakeChannel
from tests.unit.line_world import CITIZEN, World, prompts

pytestmark = pytest.mark.looptime

Make = Callable[..., Awaitable[World]]
Restart = Callable[..., Awaitable[World]]


@pytest.fixture(autouse=True)
def dates_in_virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    began = datetime.now(UTC)

    def now() -> datetime:
        return began + timedelta(seconds=asyncio.get_running_loop().time())

    monkeypatch.setattr(event, "now", now)
    monkeypatch.setattr(past, "now", now)


@pytest.fixture
def restart(make_world: Make) -> Restart:
    """Kill -9, so many seconds of nobody, another line."""

    async def work(world: World, away: float = 2.0) -> World:
        await world.kill()
        await asyncio.sleep(away)
        return await make_world(2, after=world)

    return work


async def ends(world: World, caller: FakeChannel) -> None:
    """The citizen hangs up, and the call is told once, as one call with one case."""
    caller.hang_up()
    await asyncio.sleep(1.0)
    assert world.left_over() == []
    for kind in (kinds.CALL_START, kinds.CALL_END, kinds.CASE_OPENED):
        assert len(world.of(kind)) == 1, kind
    ids = [body["leg"] for body in world.of(kinds.LEG_START)]
    assert len(set(ids)) == len(ids)
    assert sorted(ids) == sorted(body["leg"] for body in world.of(kinds.LEG_END))
    assert len(world.of(kinds.CALL_TALK)) == len(world.of(kinds.CALL_TALK_END))


async def tells(world: World, caller: FakeChannel, question: str, take: int = 1) -> None:
    world.says(caller, question, take, 2.0)
    beeps = prompts(caller).count("beep")
    await world.until(lambda: prompts(caller).count("beep") > beeps)
    await asyncio.sleep(2.5)
    caller.press("#")
    await caller.hears(f"{question}.{take}")
    caller.press("1")
    await asyncio.sleep(0.2)


# The table ----------------------------------------------------------------------------------------------


async def test_killed_in_the_greeting(world: World, restart: Restart) -> None:
    caller = await world.citizen()
    await caller.hears("notice")
    second = await restart(world)
    await asyncio.sleep(1.5)
    assert second.stages() == ["greeting", "queue"]
    assert "apology" in prompts(caller)
    await caller.hears("busy")  # `answer_within` counts from the first arrival
    assert second.stages()[-1] == "intake"
    assert asyncio.get_running_loop().time() < 16.0
    await ends(second, caller)
    assert second.ended()["seconds"] > 14.5
    assert second.ended()["disposition"] == Disposition.ABANDONED


async def test_killed_while_a_phone_rings(world: World, restart: Restart) -> None:
    world.phone("op1", no_answer())
    caller = await world.citizen()
    await asyncio.sleep(1.0)
    old = world.leg("op1")
    world.phone("op1", answers(1.0))
    second = await restart(world)
    await asyncio.sleep(0.1)
    assert old.ended.is_set()
    await asyncio.sleep(4.0)
    assert caller.bridge is second.leg("op1").bridge is not None
    await ends(second, caller)
    assert second.ended()["disposition"] == Disposition.ANSWERED


async def test_killed_in_the_intake_while_recording(world: World, restart: Restart) -> None:
    caller = await world.citizen()
    await caller.hears("busy")
    await tells(world, caller, "what")
    await world.until(lambda: prompts(caller).count("beep") == 2)
    await asyncio.sleep(1.5)  # within the answer to "where"
    caller.speak(60.0)
    second = await restart(world)
    await second.until(lambda: "apology" in prompts(caller))
    second.says(caller, "where", 1, 2.0)
    await second.until(lambda: prompts(caller).count("beep") == 3)
    assert prompts(caller).count("ask_what") == 1 and prompts(caller).count("ask_where") == 2
    await asyncio.sleep(2.5)
    caller.press("#")
    await caller.hears("where.1")
    caller.press("1")
    await caller.hears("ask_same_number")
    caller.press("1")
    await tells(second, caller, "when")
    await caller.hears("goodbye")
    assert [body["question"] for body in second.of(kinds.CLIP)] == ["what", "where", "when"]
    await ends(second, caller)
    assert second.ended()["disposition"] == Disposition.INTAKE
    assert not second.of(kinds.CASE_MARKED)[-1]["welfare"]


async def test_the_number_that_was_keyed_is_not_asked_again(world: World, restart: Restart) -> None:
    caller = await world.citizen()
    await caller.hears("busy")
    await tells(world, caller, "what")
    await tells(world, caller, "where")
    await caller.hears("ask_same_number")
    caller.press("2")
    await caller.hears("ask_number")
    caller.press("13900000009#")
    await caller.hears("confirm")
    await world.until(lambda: prompts(caller)[-1] == "confirm")
    caller.press("1")
    await caller.hears("ask_when")
    second = await restart(world)
    await tells(second, caller, "when")
    await caller.hears("goodbye")
    assert prompts(caller).count("ask_same_number") == 1
    await ends(second, caller)
    assert second.of(kinds.CASE_MARKED)[-1]["callback_phone"] == "13900000009"


async def test_killed_in_the_silence(world: World, restart: Restart) -> None:
    caller = await world.citizen()
    world.says(caller, "what", 1, 0.0)
    for asking in (1, 2):
        world.says(caller, "silence", asking, 0.0)
    await caller.hears("silent_stay")
    second = await restart(world)
    await asyncio.sleep(60.0)
    assert second.stages()[-1] == "silence"
    await ends(second, caller)
    assert second.ended()["disposition"] == Disposition.SILENT
    assert [body["priority"] for body in second.of(kinds.CALL_PRIORITY)] == [Priority.POLICE]


async def test_killed_in_the_wait(world: World, restart: Restart) -> None:
    caller = await world.citizen()
    caller.press("1")
    await caller.hears("emergency")
    second = await restart(world)
    await caller.hears("apology")
    assert second.stages()[-1] == "waiting"
    second.phone("op2", answers(1.0))
    await asyncio.sleep(3.0)
    assert caller.bridge is second.leg("op2").bridge is not None
    assert len(second.of(kinds.CALL_PRIORITY)) == 1
    await ends(second, caller)
    assert second.of(kinds.CASE_OPENED)[0]["priority"] == Priority.EMERGENCY


async def talking(world: World) -> FakeChannel:
    world.phone("op1", answers(1.0))
    caller = await world.citizen()
    await world.until(lambda: bool(world.of(kinds.CALL_TALK)))
    await asyncio.sleep(2.0)
    return caller


async def test_killed_while_they_talk_and_neither_hears_a_thing(world: World, restart: Restart) -> None:
    caller = await talking(world)
    leg, bridge = world.leg("op1"), caller.bridge
    heard, told = prompts(caller), len(world.fake.requests)
    second = await restart(world)
    await asyncio.sleep(10.0)
    assert caller.bridge is leg.bridge is bridge is not None
    assert prompts(caller) == heard
    changes = [one for one, _ in second.fake.requests[told:] if not one.startswith("GET")]
    assert not [one for one in changes if caller.id in one and not one.endswith("/variable")]
    assert second.desk.seats["op1"].ringing_for is not None
    await second.citizen("13900000002")  # rings nobody who talks
    await asyncio.sleep(1.0)
    assert [body["seat"] for body in second.of(kinds.LEG_START)] == ["op1"]


async def test_who_ends_a_talk_that_was_taken_over_is_told(world: World, restart: Restart) -> None:
    caller = await talking(world)
    second = await restart(world)
    await ends(second, caller)
    assert second.of(kinds.CALL_TALK_END)[0]["by"] == "caller"
    assert second.of(kinds.LEG_END)[0]["how"] == "answered"
    assert second.ended()["disposition"] == Disposition.ANSWERED


async def test_the_operator_of_a_talk_that_was_taken_over_hangs_up(world: World, restart: Restart) -> None:
    caller = await talking(world)
    second = await restart(world)
    second.leg("op1").press("*")
    await asyncio.sleep(0.1)
    second.leg("op1").hang_up()
    await asyncio.sleep(1.0)
    assert caller.ended.is_set()
    assert second.ended()["disposition"] == Disposition.NO_MATTER
    assert second.left_over() == []


async def test_the_operator_has_gone_meanwhile(world: World, restart: Restart) -> None:
    caller = await talking(world)
    await world.kill()
    world.leg("op1").hang_up()
    await asyncio.sleep(1.0)
    second = await restart(world)
    await caller.hears("apology")
    assert second.stages()[-1] == "waiting"
    await asyncio.sleep(4.0)
    assert caller.bridge is second.leg("op1").bridge is not None
    assert len(second.fake.bridges) == 1
    await ends(second, caller)
    assert second.of(kinds.CALL_TALK_END)[0]["by"] == "unknown"


async def test_the_citizen_has_gone_meanwhile(world: World, restart: Restart) -> None:
    """The end itself is found in Asterisk's own records, by the worker."""
    caller = await talking(world)
    await world.kill()
    caller.hang_up()
    await asyncio.sleep(1.0)
    assert world.fake.channels  # the operator, alone
    second = await restart(world)
    await asyncio.sleep(1.0)
    assert second.left_over() == []
    assert [body["leg"] for body in second.of(kinds.LEG_END)] == [second.of(kinds.LEG_START)[0]["leg"]]
    assert second.of(kinds.CALL_END) == []


async def test_killed_after_the_operator_hung_up(world: World, restart: Restart) -> None:
    caller = await talking(world)
    world.leg("op1").hang_up()
    await caller.hears("after_talk")
    legs = len(world.of(kinds.LEG_START))
    second = await restart(world)
    await asyncio.sleep(3.0)
    assert second.stages()[-1] == "after_talk"
    assert len(second.of(kinds.LEG_START)) == legs  # nobody is rung who was not asked for
    caller.press("0")
    await asyncio.sleep(4.0)
    assert caller.bridge is not None
    await ends(second, caller)


async def test_killed_before_it_hung_up(world: World, restart: Restart) -> None:
    caller = await talking(world)
    world.fake.faults.fail_next("DELETE /channels/n1-[0-9.]+$", status=500, times=3)
    world.leg("op1").hang_up()
    await asyncio.sleep(16.5)
    assert caller.variables["MS_DONE"] == "1" and not caller.ended.is_set()
    second = await restart(world)
    await asyncio.sleep(5.0)
    assert caller.ended.is_set()
    assert second.left_over() == []
    assert second.ended()["by"] == "operator"


@pytest.mark.parametrize("steps", [0, 1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 25, 30, 40])
async def test_killed_just_as_they_are_being_joined(world: World, restart: Restart, steps: int) -> None:
    answered = asyncio.Event()

    async def meanwhile(leg: FakeChannel) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        answered.set()

    world.phone("op1", answers(1.0).then(meanwhile))
    caller = await world.citizen()
    await answered.wait()
    second = await restart(world)
    await asyncio.sleep(5.0)
    assert caller.bridge is second.leg("op1").bridge is not None and not caller.is_deaf
    assert len(second.fake.bridges) == 1
    await ends(second, caller)
    assert len(second.of(kinds.CALL_TALK)) == 1
    assert len(second.fake.dialled) == 1


async def test_a_citizen_of_whom_nothing_is_on_disk(world: World, restart: Restart) -> None:
    caller = await world.citizen()
    world.spool.events.clear()
    second = await restart(world)
    await caller.hears("apology")
    second.phone("op1", answers(1.0))
    await asyncio.sleep(4.0)
    assert caller.bridge is not None
    (start,) = second.of(kinds.CALL_START)
    assert (start["caller"], start["dialled"], start["trunk"]) == (CITIZEN, "110", "citizen")


async def test_events_that_make_no_sense_cost_nobody_their_call(world: World, restart: Restart) -> None:
    caller = await world.citizen()
    world.house.note(f"call:{caller.id}", kinds.CALL_PRIORITY, priority="purple")
    world.house.note(f"call:{caller.id}", kinds.CLIP)
    second = await restart(world)
    await caller.hears("apology")
    assert second.stages()[-1] == "queue"


async def test_empty_bridges_and_legs_without_a_citizen_are_removed_and_nobody_elses(
    world: World, restart: Restart
) -> None:
    world.phone("op1", no_answer())
    world.phone("op2", no_answer())
    for seat, app in (("op1", "minsheng-n1"), ("op2", "minsheng-other")):
        await world.client.channels.originateWithId(
            channelId=f"n1-1700000000.1.{seat}.1",
            endpoint=f"PJSIP/{seat}",
            context="ms-seat",
            extension="s",
            priority=1,
            variables={"MS_APP": app},
        )
    for bridge in ("n1-1700000000.1.abcb1", "of somebody else"):
        await world.client.bridges.createWithId(bridgeId=bridge, type="mixing")
    second = await restart(world, 0.1)
    await asyncio.sleep(1.0)
    assert set(second.fake.channels) == {"n1-1700000000.1.op2.1"}
    assert set(second.fake.bridges) == {"of somebody else"}


# Meanwhile ----------------------------------------------------------------------------------------------


async def test_killed_twice(world: World, restart: Restart) -> None:
    caller = await talking(world)
    leg, bridge = world.leg("op1"), caller.bridge
    third = await restart(await restart(world))
    await asyncio.sleep(1.0)
    assert caller.bridge is leg.bridge is bridge
    await ends(third, caller)


async def test_a_call_that_comes_while_the_others_are_taken_over(world: World, restart: Restart) -> None:
    waiting = await world.citizen()
    await world.kill()
    make = asyncio.create_task(restart(world, 0.0))
    await asyncio.sleep(0.02)
    new = world.incoming("13900000002")
    second = await make
    await asyncio.sleep(1.0)
    assert new.application is waiting.application is not None
    assert {one.stream for one in second.spool.events if one.kind == kinds.CALL_START} == {
        f"call:{waiting.id}",
        f"call:{new.id}",
    }
    assert len(second.of(kinds.CALL_START)) == 2


@pytest.mark.parametrize("after", [0.0, 0.01, 0.03, 0.05, 0.06, 0.08, 0.1, 0.12])
async def test_the_citizen_hangs_up_while_being_taken_over(
    world: World, restart: Restart, after: float
) -> None:
    caller = await talking(world)
    await world.kill()
    make = asyncio.create_task(restart(world, 0.0))
    await asyncio.sleep(after)
    caller.hang_up()
    second = await make
    await asyncio.sleep(3.0)
    assert second.left_over() == []
    assert len(second.of(kinds.LEG_END)) == 1
    assert len(second.of(kinds.CALL_END)) <= 1


async def test_two_lines_at_once(world: World, make_world: Make) -> None:
    """The one that was replaced does nothing more: everything would be done twice."""
    world.phone("op1", no_answer())
    caller = await world.citizen()
    world.phone("op1", answers(1.0))
    second = await make_world(2, after=world)
    await asyncio.sleep(0.5)
    assert world._tasks[0].done()  # it hears nothing more, and so its process ends
    await world.line.let_be()
    await asyncio.sleep(15.0)
    assert caller.bridge is second.leg("op1").bridge is not None
    caller.hang_up()
    await asyncio.sleep(1.0)
    assert second.left_over() == []
    assert len(second.of(kinds.CALL_END)) == 1


async def test_asterisk_refuses_at_first(world: World, restart: Restart) -> None:
    caller = await world.citizen()
    world.fake.faults.fail_next("GET /bridges$", status=500, times=3)
    await restart(world)
    await caller.hears("apology")


async def test_fifty_calls_are_taken_over_in_a_few_looks(world: World, restart: Restart) -> None:
    callers = [await world.citizen(f"139000000{number:02}") for number in range(50)]
    await world.kill()
    before = len(world.fake.requests)
    began = asyncio.get_running_loop().time()
    second = await restart(world, 0.0)
    await second.until(lambda: all("apology" in prompts(one) for one in callers), 5.0)
    assert asyncio.get_running_loop().time() - began < 5.0
    looks = [one for one, _ in second.fake.requests[before:] if one.startswith("GET /channels")]
    assert len(looks) <= 7
    assert len(second.of(kinds.CALL_START)) == 50
