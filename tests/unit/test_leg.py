"""What becomes of a phone we ring, in words; and a leg that nobody wants before it is asked for."""

from __future__ import annotations

import pytest

from telephony.fake.callees import answers
from telephony.leg import Ending, How, Leg, meaning
from tests.unit.line_world import VIRTUAL_TIME, World


@pytest.mark.parametrize(
    ("rang", "cause", "tech_cause", "how"),
    [
        (False, 17, 486, "busy"),
        (False, 0, 600, "busy"),
        (True, 21, 603, "rejected"),
        (False, 21, 403, "rejected"),
        (False, 1, 404, "no_such_number"),
        (False, 0, 410, "no_such_number"),
        (True, 19, 480, "no_answer"),
        (True, 0, 408, "no_answer"),
        (True, 16, 0, "no_answer"),
        (False, 19, 480, "unreachable"),
        (False, 34, 503, "unreachable"),
        (True, 34, 503, "unreachable"),
        (False, 0, 0, "unreachable"),
    ],
)
def test_the_causes_of_a_phone_that_did_not_answer(rang: bool, cause: int, tech_cause: int, how: How) -> None:
    assert meaning(answered=False, rang=rang, cancelled=False, cause=cause, tech_cause=tech_cause) == how


def test_what_we_took_back_and_what_was_answered_are_that_whatever_the_cause() -> None:
    assert meaning(answered=False, rang=True, cancelled=True, cause=17, tech_cause=486) == "cancelled"
    assert meaning(answered=True, rang=True, cancelled=True, cause=17, tech_cause=486) == "answered"


def test_a_phone_is_put_down_by_hand_or_it_failed() -> None:
    assert Ending("answered", 16).by_hand and Ending("answered", 0).by_hand
    assert not Ending("answered", 44).by_hand and not Ending("answered", 38).by_hand


@VIRTUAL_TIME
async def test_a_leg_dismissed_before_its_request_is_never_asked_for(world: World) -> None:
    world.phone("op1", answers(1.0))
    leg = Leg("n1-1.1.op1.1", "op1", world.client, world.house.router)
    leg.dismissed = True
    await leg.dial("PJSIP/op1", "ms-seat", ring_for=5.0, caller="", variables={})
    assert (await leg.over()).how == "cancelled"
    assert world.fake.dialled == []
    assert not world.house.router.knows(leg.id)


@VIRTUAL_TIME
async def test_a_leg_that_an_event_has_told_of_rings_on_though_the_reply_is_lost(world: World) -> None:
    world.phone("op1", answers(1.0))
    world.fake.faults.lose_reply("POST /channels/n1-1.1.op1.1")
    leg = Leg("n1-1.1.op1.1", "op1", world.client, world.house.router)
    variables = {"MS_APP": "minsheng-n1"}
    await leg.dial("PJSIP/op1", "ms-seat", ring_for=9.0, caller="", variables=variables)
    assert await leg.answer() and leg.alive
    await leg.hang_up()
    assert (await leg.over()).how == "answered"
