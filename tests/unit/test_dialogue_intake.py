"""The automated intake: record first, keys at any moment, and no number that must not be dialled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from models import kinds
from models.words import Priority
from telephony.fake.channels import FakeChannel
from tests.unit.line_world import CITIZEN, VIRTUAL_TIME, World, prompts

pytestmark = VIRTUAL_TIME

Make = Callable[..., Awaitable[World]]


async def tells(world: World, caller: FakeChannel, question: str, take: int = 1, key: str = "1") -> None:
    """Answer a question after its beep, end with the hash key, press a key when it is read back."""
    world.says(caller, question, take, 2.0)
    beeps = prompts(caller).count("beep")
    await world.until(lambda: prompts(caller).count("beep") > beeps)
    await asyncio.sleep(2.5)
    caller.press("#")
    await caller.hears(f"{question}.{take}")
    if key:
        caller.press(key)


async def to_the_number(world: World, caller: FakeChannel) -> None:
    await caller.hears("busy")
    await tells(world, caller, "what")
    await tells(world, caller, "where")


def questions(world: World) -> list[str]:
    return [body["question"] for body in world.of(kinds.CLIP)]


def callback_phone(world: World) -> str:
    marks = world.of(kinds.CASE_OPENED) + world.of(kinds.CASE_MARKED)
    return str(marks[-1]["callback_phone"])


async def test_the_whole_intake_by_keys(world: World) -> None:
    caller = await world.citizen()
    await to_the_number(world, caller)
    await caller.hears("ask_same_number")
    caller.press("1")
    await tells(world, caller, "when")
    await caller.hears("goodbye")
    assert questions(world) == ["what", "where", "when"]
    said = prompts(caller)
    code = said[said.index("code_is") + 1 : said.index("once_more")]
    assert code == [f"d{digit}" for digit in "1234560"]
    assert said[said.index("once_more") + 1 :][:7] == code
    await asyncio.sleep(120.0)
    assert not caller.ended.is_set() and caller.context == "ms-110"  # the line stays open
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert callback_phone(world) == CITIZEN
    assert not world.of(kinds.CASE_MARKED)[-1]["welfare"]
    assert world.left_over() == []


async def test_a_code_that_is_not_on_disk_is_not_spoken(world: World) -> None:
    caller = await world.citizen()
    world.spool.away = True
    await to_the_number(world, caller)
    await tells(world, caller, "when")
    await caller.hears("goodbye")
    assert "code_is" not in prompts(caller)


async def test_without_a_key_what_was_said_stands(world: World) -> None:
    caller = await world.citizen()
    await caller.hears("busy")
    await tells(world, caller, "what", key="")
    await caller.hears("ask_where")
    assert questions(world) == ["what"]


async def test_said_again_after_2_and_an_earlier_take_stands_when_nothing_better_follows(
    world: World,
) -> None:
    caller = await world.citizen()
    await caller.hears("busy")
    for take in (2, 3):
        world.says(caller, "what", take, 0.0)
    await tells(world, caller, "what", key="2")
    await caller.hears("ask_where")  # and not the silence of somebody who must not be heard
    assert questions(world) == ["what"]


async def test_nothing_is_asked_a_fourth_time(world: World) -> None:
    caller = await world.citizen()
    await caller.hears("busy")
    for take in (1, 2, 3):
        await tells(world, caller, "what", take, key="2")
    await caller.hears("ask_where")
    assert prompts(caller).count("ask_what") == 3


async def test_a_key_stops_the_prompt_at_once(world: World) -> None:
    world.fake.media_seconds["ask_same_number"] = 30.0
    caller = await world.citizen()
    await to_the_number(world, caller)
    await caller.hears("ask_same_number")
    at = asyncio.get_running_loop().time()
    caller.press("1")
    await caller.hears("ask_when")
    assert asyncio.get_running_loop().time() - at < 0.2


@pytest.mark.parametrize(
    ("keyed", "kept"),
    [
        ("13900000009#", "13900000009"),
        ("6320000#", "6320000"),
        ("05996320000#", "05996320000"),
        ("8001#", "8001"),
    ],
)
async def test_another_number_is_keyed_and_confirmed(world: World, keyed: str, kept: str) -> None:
    caller = await world.citizen()
    await to_the_number(world, caller)
    await caller.hears("ask_same_number")
    caller.press("2")
    await caller.hears("ask_number")
    caller.press(keyed)  # faster than anybody asks for digits
    await caller.hears("number_is")
    await caller.hears(f"d{kept[-1]}")
    assert [one for one in prompts(caller) if one in {f"d{digit}" for digit in range(10)}][0] == f"d{kept[0]}"
    await asyncio.sleep(20.0)  # all digits are said; no key: not confirmed, so asked again
    caller.press(keyed)
    await asyncio.sleep(1.0)
    await world.until(lambda: prompts(caller)[-1] == "confirm")
    caller.press("1")
    await caller.hears("ask_when")
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert callback_phone(world) == kept


@pytest.mark.parametrize(
    "keyed", ["110#", "119#", "0599110#", "86110#", "12#", "#", "139000000091234#", "1#"]
)
async def test_a_number_that_must_not_or_cannot_be_dialled_is_not_taken(world: World, keyed: str) -> None:
    caller = await world.citizen()
    await to_the_number(world, caller)
    await caller.hears("ask_same_number")
    caller.press("2")
    for asking in range(1, 4):
        await world.until(lambda asking=asking: prompts(caller).count("ask_number") == asking)  # type: ignore[misc]
        caller.press(keyed)
    await caller.hears("ask_when")
    assert prompts(caller).count("number_wrong") == 3
    assert "number_is" not in prompts(caller)
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert callback_phone(world) == CITIZEN


@pytest.mark.parametrize("number", ["", "anonymous", "110"])
async def test_who_shows_no_number_to_ring_back_is_asked_for_one(world: World, number: str) -> None:
    caller = await world.citizen(number)
    await to_the_number(world, caller)
    await caller.hears("ask_number")
    assert "ask_same_number" not in prompts(caller)


async def test_silence_after_an_emergency_is_still_raised_to_the_police(world: World) -> None:
    caller = await world.citizen()
    report = world.line._reports[caller.id]
    report.urgent("key")
    report.urgent("silent", Priority.POLICE)
    report.urgent("key")
    assert [body["priority"] for body in world.of(kinds.CALL_PRIORITY)] == ["emergency", "police"]
    assert report.priority is Priority.POLICE


async def test_the_hash_key_and_the_star_mean_nothing_where_nothing_is_asked(world: World) -> None:
    caller = await world.citizen()
    await caller.hears("notice")
    caller.press("#*#29")
    await caller.hears("ask_what")
    assert world.stages() == ["greeting", "queue", "intake"]
