"""A line is killed while it calls a citizen back: the next one goes on, and nobody is rung or asked twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ivr.outbound import ring_back, settle
from models import kinds
from models.words import Outcome
from telephony.fake.callees import Callee, answers, busy, no_answer
from telephony.fake.channels import FakeChannel
from tests.unit.line_world import CITIZEN, World, lease, prompts

pytestmark = pytest.mark.looptime

Make = Callable[..., Awaitable[World]]


def called(world: World) -> FakeChannel:
    return next(one for one in world.fake.channels.values() if one.dialled.startswith(CITIZEN))


async def begun(world: World, does: Callee, seconds: float = 0.5) -> FakeChannel:
    world.fake.phone(CITIZEN, does)
    world.line.begin(ring_back(world.house, lease(world)))
    await asyncio.sleep(seconds)
    return called(world)


async def restart(world: World, make_world: Make, away: float = 1.0) -> World:
    await world.kill()
    await asyncio.sleep(away)
    second = await make_world(2, after=world)
    assert await settle(second.house, [(lease(world).id, lease(world).case_number)])
    return second


def outcome(world: World) -> dict[str, Any]:
    (body,) = world.of(kinds.ATTEMPT_OUTCOME)
    assert len(world.of(kinds.CALL_START)) == 1 and len(world.fake.dialled) == 1
    assert world.left_over() == []
    return body


async def says(channel: FakeChannel, question: str, key: str) -> None:
    await channel.hears(question)
    channel.press(key)
    await asyncio.sleep(0.5)


@pytest.mark.parametrize("known", [0, 1, 2, 3, 4])
async def test_it_goes_on_at_the_first_question_without_an_answer(
    world: World, make_world: Make, known: int
) -> None:
    channel = await begun(world, answers(0.1))
    questions = ["cb_hello", "cb_contacted", "cb_solved", "cb_satisfied"]
    for question in questions[:known]:
        await says(channel, question, "1")
    before = len(channel.played)
    second = await restart(world, make_world)
    for question in questions[known:]:
        await second.until(
            lambda question=question: any(question in one.media[0] for one in channel.played[before:])  # type: ignore[misc]
        )
        channel.press("1")
        await asyncio.sleep(0.5)
    await second.until(channel.ended.is_set)
    await asyncio.sleep(1.0)
    body = outcome(second)
    assert body["outcome"] == Outcome.COMPLETED
    assert (body["contacted"], body["solved"], body["satisfied"]) == (True, True, True)
    again = [one.media[0].rsplit("/", 1)[-1] for one in channel.played[before:]]
    assert not set(questions[:known]) & set(again)
    assert prompts(channel)[-1] == "cb_thanks"
    assert len(second.of(kinds.CALL_END)) == len(second.of(kinds.CALL_ANSWERED)) == 1


async def test_who_hangs_up_after_the_restart_has_said_what_they_said(world: World, make_world: Make) -> None:
    channel = await begun(world, answers(0.1))
    for question in ("cb_hello", "cb_contacted", "cb_solved"):
        await says(channel, question, "1")
    second = await restart(world, make_world)
    await second.until(lambda: prompts(channel).count("cb_satisfied") == 2)
    channel.hang_up()
    await asyncio.sleep(1.0)
    assert outcome(second)["outcome"] == Outcome.COMPLETED
    assert outcome(second)["satisfied"] is None


@pytest.mark.parametrize(
    ("does", "expected"),
    [(no_answer(), Outcome.NO_ANSWER), (busy(4.0), Outcome.BUSY), (answers(4.0), Outcome.NO_INPUT)],
)
async def test_one_that_still_rings_is_followed_to_its_outcome(
    world: World, make_world: Make, does: Callee, expected: Outcome
) -> None:
    await begun(world, does)
    second = await restart(world, make_world)
    await second.until(lambda: bool(second.of(kinds.ATTEMPT_OUTCOME)))
    assert outcome(second)["outcome"] == expected


async def test_one_that_ended_meanwhile_is_unknown(world: World, make_world: Make) -> None:
    channel = await begun(world, answers(0.1))
    await channel.hears("cb_hello")
    await world.kill()
    channel.hang_up()
    second = await restart(world, make_world)
    await asyncio.sleep(1.0)
    assert outcome(second)["outcome"] == Outcome.UNKNOWN


async def test_the_link_is_lost_during_a_question(world: World) -> None:
    channel = await begun(world, answers(0.1))
    await channel.hears("cb_hello")
    world.fake.drop_links()
    channel.hang_up()
    await asyncio.sleep(3.0)
    assert outcome(world)["outcome"] == Outcome.NO_INPUT
