"""The callback's questions, and every way in which it ends before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ivr.dialogues.survey import Answers
from ivr.outbound import dialling, outcome, ring_back, settle
from models import kinds
from models.words import Outcome
from telephony.fake.callees import Callee, answers, busy, fails, no_answer, nobody, rejects
from telephony.fake.channels import FakeChannel
from tests.unit.line_world import CITIZEN, VIRTUAL_TIME, World, lease, prompts

pytestmark = VIRTUAL_TIME

MATTER = {"cb_matter", "cb_contacted", "cb_solved", "cb_satisfied"}


class Callback:
    """One attempt, and the one who takes it; `heard` is what they were told."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.channel: FakeChannel | None = None

    async def made(self, keys: str, *, hangs_up: bool = False, does: Callee | None = None) -> dict[str, Any]:
        """The outcome, when each question is answered with the next of these keys; "-" is none."""

        async def acts(channel: FakeChannel) -> None:
            self.channel = channel
            for key in keys:
                await self._question(channel)
                if key != "-":
                    channel.press(key)
            if hangs_up:
                await self._question(channel)
                channel.hang_up()

        self.world.fake.phone(CITIZEN, does or answers(2.0).then(acts))
        await ring_back(self.world.house, lease(self.world))
        (body,) = self.world.of(kinds.ATTEMPT_OUTCOME)
        assert self.world.left_over() == []
        assert len(self.world.fake.dialled) <= 1
        return body

    async def _question(self, channel: FakeChannel) -> None:
        """Wait for the next question."""
        asked = self._asked(channel)
        for _ in range(600):
            await asyncio.sleep(0.1)
            if self._asked(channel) > asked or channel.ended.is_set():
                return

    @staticmethod
    def _asked(channel: FakeChannel) -> int:
        return sum(
            one in {"cb_hello", "cb_contacted", "cb_solved", "cb_satisfied"} for one in prompts(channel)
        )

    @property
    def heard(self) -> list[str]:
        assert self.channel is not None
        return prompts(self.channel)


@pytest.fixture
def callback(world: World) -> Callback:
    return Callback(world)


async def test_contacted_solved_satisfied(callback: Callback) -> None:
    body = await callback.made("1111")
    assert body["outcome"] == Outcome.COMPLETED
    assert (body["contacted"], body["solved"], body["satisfied"]) == (True, True, True)
    assert callback.heard[-1] == "cb_thanks"


async def test_solved_but_badly(callback: Callback) -> None:
    body = await callback.made("1212")
    assert (body["contacted"], body["solved"], body["satisfied"]) == (False, True, False)
    assert callback.heard[-1] == "cb_reopen"


@pytest.mark.parametrize("keys", ["2", "0", "---", "-9-2", "9999999-", "-"])
async def test_who_has_not_confirmed_hears_nothing_of_the_matter(callback: Callback, keys: str) -> None:
    body = await callback.made(keys)
    assert not MATTER & set(callback.heard)
    assert body["outcome"] in (Outcome.REFUSED, Outcome.NO_INPUT)
    assert body["contacted"] is body["solved"] is body["satisfied"] is None


async def test_no_code_is_ever_said(callback: Callback) -> None:
    await callback.made("1211")
    assert all(one.startswith("cb_") for one in callback.heard)


async def test_no_key_after_three_askings_is_no_input(callback: Callback) -> None:
    body = await callback.made("")
    assert callback.channel is None or callback.heard.count("cb_hello") == 3
    assert body["outcome"] == Outcome.NO_INPUT


async def test_9_is_heard_again_but_not_for_ever(callback: Callback) -> None:
    body = await callback.made("9" * 40)
    assert callback.heard.count("cb_hello") <= 9
    assert body["outcome"] == Outcome.NO_INPUT


async def test_0_is_a_person(callback: Callback) -> None:
    body = await callback.made("110")
    assert body["wants_person"] and body["outcome"] == Outcome.REFUSED
    assert body["contacted"] is True
    assert callback.heard[-1] == "cb_person"


async def test_0_after_solved_was_answered_keeps_the_answer(callback: Callback) -> None:
    body = await callback.made("1110")
    assert body["wants_person"] and body["outcome"] == Outcome.COMPLETED and body["solved"] is True


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", Outcome.NO_INPUT),
        ("1", Outcome.BREAKOFF),
        ("11", Outcome.BREAKOFF),
        ("112", Outcome.COMPLETED),
    ],
)
async def test_the_citizen_hangs_up_at_the_next_question(
    callback: Callback, keys: str, expected: Outcome
) -> None:
    body = await callback.made(keys, hangs_up=True)
    assert body["outcome"] == expected
    (end,) = callback.world.of(kinds.CALL_END)
    assert end["by"] == "callee"


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        (busy(), Outcome.BUSY),
        (rejects(), Outcome.REJECTED),
        (no_answer(), Outcome.NO_ANSWER),
        (fails(404), Outcome.UNREACHABLE),
        (fails(503), Outcome.OURS),
        (fails(480), Outcome.OURS),
        (nobody(), Outcome.OURS),
        (answers(1.0, hangs_up_after=0.0), Outcome.NO_INPUT),
    ],
)
async def test_how_it_ends_without_a_question(callback: Callback, does: Callee, expected: Outcome) -> None:
    body = await callback.made("", does=does)
    assert body["outcome"] == expected
    assert len(callback.world.of(kinds.CALL_END)) == 1


async def test_what_was_dialled_once_is_never_dialled_again(world: World) -> None:
    world.fake.phone(CITIZEN, busy())
    for _ in range(3):
        await ring_back(world.house, lease(world))
    assert world.fake.dialled == [f"PJSIP/{CITIZEN}@citizen"]
    assert len(world.of(kinds.ATTEMPT_OUTCOME)) == 1


async def test_a_disk_that_does_not_say_is_no_leave_to_dial(world: World) -> None:
    world.spool.away = True
    await ring_back(world.house, lease(world))
    assert world.fake.dialled == [] and world.of(kinds.ATTEMPT_DIALLING) == []


async def test_a_dialling_that_is_not_on_disk_is_not_dialled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*about: Any) -> bool:
        return False

    monkeypatch.setattr(world.spool, "on_disk", never)
    await ring_back(world.house, lease(world))
    assert world.fake.dialled == []
    assert [body["outcome"] for body in world.of(kinds.ATTEMPT_OUTCOME)] == [Outcome.OURS]


@pytest.mark.parametrize(
    "phone", ["110", "120", "0599119", "", "1390000", "13900000001@evil", "13900000001&PJSIP/op1"]
)
async def test_the_last_look_before_dialling_is_at_the_number(world: World, phone: str) -> None:
    await ring_back(world.house, lease(world, phone))
    dialled = world.fake.dialled
    assert dialled == ([f"PJSIP/{phone}@citizen"] if phone == "1390000" else [])
    assert [body["outcome"] for body in world.of(kinds.ATTEMPT_OUTCOME)][-1] in (
        Outcome.OURS,
        Outcome.UNREACHABLE,
    )


async def test_without_a_trunk_it_is_our_fault(world: World) -> None:
    world.house.settings = world.settings.model_copy(update={"trunks": {}})
    await ring_back(world.house, lease(world))
    assert [body["outcome"] for body in world.of(kinds.ATTEMPT_OUTCOME)] == [Outcome.OURS]


@pytest.mark.parametrize(("keys", "expected"), [("1", Outcome.UNKNOWN), ("111", Outcome.COMPLETED)])
async def test_our_fault_in_the_middle_keeps_what_was_answered_and_counts_as_rung(
    callback: Callback, keys: str, expected: Outcome
) -> None:
    world = callback.world

    async def acts(channel: FakeChannel) -> None:
        for key in keys:
            await callback._question(channel)
            channel.press(key)
        await callback._question(channel)
        world.fake.faults.fail_next("POST /channels/.*/(play|silence)", status=500)
        channel.press("9")

    body = await callback.made("", does=answers(1.0).then(acts))
    assert body["outcome"] == expected


async def test_a_fault_of_ours_while_it_rings_ends_in_an_outcome_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*about: Any, **more: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("ivr.outbound.Leg.dial", broken)
    await ring_back(world.house, lease(world))
    assert [body["outcome"] for body in world.of(kinds.ATTEMPT_OUTCOME)] == [Outcome.UNKNOWN]


# After a restart ----------------------------------------------------------------------------------------


def under_way(world: World) -> list[tuple[str, str]]:
    one = lease(world)
    return [(one.id, one.case_number)]


async def test_what_an_earlier_line_dialled_and_did_not_tell_ends_as_unknown(world: World) -> None:
    world.spool.put(dialling(world.house, lease(world).id, lease(world).case_number))
    assert await settle(world.house, under_way(world))
    assert await settle(world.house, under_way(world))
    assert [body["outcome"] for body in world.of(kinds.ATTEMPT_OUTCOME)] == [Outcome.UNKNOWN]
    await ring_back(world.house, lease(world))
    assert world.fake.dialled == []


async def test_what_was_only_leased_is_still_to_be_dialled(world: World) -> None:
    assert await settle(world.house, under_way(world))
    assert world.of(kinds.ATTEMPT_OUTCOME) == []


async def test_an_outcome_that_is_on_its_way_to_the_store_stands(world: World) -> None:
    world.spool.put(dialling(world.house, lease(world).id, lease(world).case_number))
    outcome(world.house, lease(world).id, Answers(outcome=Outcome.BUSY), call=None)
    assert await settle(world.house, under_way(world))
    assert [body["outcome"] for body in world.of(kinds.ATTEMPT_OUTCOME)] == [Outcome.BUSY]


async def test_a_citizen_who_is_still_on_the_line_is_not_declared_lost(world: World) -> None:
    world.spool.put(dialling(world.house, lease(world).id, lease(world).case_number))
    world.fake.phone(CITIZEN, no_answer())
    await world.client.channels.originateWithId(
        channelId=lease(world).id, endpoint=f"PJSIP/{CITIZEN}@citizen", context="ms-callback", extension="s"
    )
    assert await settle(world.house, under_way(world))
    assert world.of(kinds.ATTEMPT_OUTCOME) == []


def asterisk_does_not_say(world: World) -> None:
    world.fake.faults.fail_next("GET /channels")


def the_disk_does_not_say(world: World) -> None:
    world.spool.away = True


@pytest.mark.parametrize("trouble", [asterisk_does_not_say, the_disk_does_not_say])
async def test_nothing_is_settled_while_nobody_says_how_it_stands(
    world: World, trouble: Callable[[World], None]
) -> None:
    world.spool.put(dialling(world.house, lease(world).id, lease(world).case_number))
    trouble(world)
    assert not await settle(world.house, under_way(world))
    assert world.of(kinds.ATTEMPT_OUTCOME) == []
