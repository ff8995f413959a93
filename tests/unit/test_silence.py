"""Nobody is heard: asked twice to press or to knock, and each sign taken for what it is (DESIGN 4.4)."""

from __future__ import annotations

import asyncio

import pytest

from models import kinds
from models.words import Disposition, Priority
from telephony.fake.callees import answers
from telephony.fake.channels import FakeChannel
from tests.unit.line_world import VIRTUAL_TIME, World, prompts

pytestmark = VIRTUAL_TIME

NOTHING, KNOCK, WORDS = 0.0, 0.06, 1.5  # s of sound


async def unheard(world: World, *heard: float) -> FakeChannel:
    """A citizen of whom nothing is heard at first, and after each asking this."""
    caller = await world.citizen()
    world.says(caller, "what", 1, NOTHING)
    for asking, seconds in enumerate(heard, 1):
        world.says(caller, "silence", asking, seconds)
    return caller


def priorities(world: World) -> list[dict[str, str]]:
    return [dict(body) for body in world.of(kinds.CALL_PRIORITY)]


async def stays(world: World, caller: FakeChannel, why: str, askings: int) -> None:
    """Taken for one who cannot speak: police, case silent, and the line open until they hang up."""
    await caller.hears("silent_stay")
    assert prompts(caller).count("nothing_heard") == askings
    await asyncio.sleep(300.0)
    assert not caller.ended.is_set() and caller.context == "ms-110"
    assert priorities(world) == [{"priority": Priority.POLICE, "why": why}]
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.ended()["disposition"] == Disposition.SILENT
    (case,) = world.of(kinds.CASE_OPENED)
    assert (case["kind"], case["welfare"], case["priority"]) == ("silent", True, Priority.POLICE)
    assert world.left_over() == []


async def test_asked_twice_in_all_and_no_sign_is_a_matter_for_the_police(world: World) -> None:
    caller = await unheard(world, NOTHING, NOTHING)
    await stays(world, caller, "silent", askings=2)


async def test_a_knock_is_somebody_who_cannot_speak(world: World) -> None:
    caller = await unheard(world, KNOCK)
    await stays(world, caller, "knock_in_silence", askings=1)


async def test_a_knock_after_the_second_asking_counts_too(world: World) -> None:
    caller = await unheard(world, NOTHING, KNOCK)
    await stays(world, caller, "knock_in_silence", askings=2)


@pytest.mark.parametrize("moment", [0.3, 4.0])
@pytest.mark.parametrize("key", ["5", "0", "#"])
async def test_a_key_while_asked_or_listened_to_is_somebody_who_cannot_speak(
    world: World, moment: float, key: str
) -> None:
    caller = await unheard(world, NOTHING, NOTHING)
    await caller.hears("nothing_heard")
    await asyncio.sleep(moment)
    caller.press(key)
    await asyncio.sleep(0.5)
    assert prompts(caller)[-1] == "silent_stay"  # at once, not when the listening would have ended
    assert caller.media.recording is None
    await stays(world, caller, "pressed_in_silence", askings=1)


async def test_a_voice_leads_back_to_the_first_question(world: World) -> None:
    caller = await unheard(world, WORDS)
    world.says(caller, "what", 2, WORDS)
    await caller.hears("said_what")
    assert prompts(caller).count("ask_what") == 2
    assert prompts(caller).count("busy") == 1
    await caller.hears("ask_where")
    assert world.stages()[-3:] == ["intake", "silence", "intake"]
    assert priorities(world) == []


async def test_a_voice_and_then_silence_again_is_asked_no_third_time(world: World) -> None:
    caller = await unheard(world, WORDS, WORDS)
    for take in (2, 3):
        world.says(caller, "what", take, NOTHING)
    await stays(world, caller, "silent", askings=2)


async def test_an_operator_who_answers_breaks_into_the_listening(world: World) -> None:
    caller = await unheard(world, NOTHING, NOTHING)
    await caller.hears("nothing_heard")
    await asyncio.sleep(3.0)
    world.phone("op1", answers(0.5))
    await world.until(lambda: "talking" in world.stages(), within=10.0)
    await world.until(lambda: bool(world.of(kinds.CALL_TALK)), within=5.0)
    assert prompts(caller).count("nothing_heard") == 1
    caller.hang_up()
    await asyncio.sleep(0.5)
    assert world.ended()["disposition"] == Disposition.ANSWERED
