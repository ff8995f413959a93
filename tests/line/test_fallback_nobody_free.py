"""The line is not running and no seat can take the call: the citizen is never released, and recorded all the while."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

ROUNDS = 9.0  # s: three rounds of the fallback as this test sets them


def recorded(asterisk: Any, call: str) -> int:
    """Bytes on disk of a call's recording."""
    return int((asterisk.settings.raw / f"{call}.raw").stat().st_size)


def citizen_channel(asterisk: Any) -> str:
    """The id of the one channel of the trunk."""
    ids = [fields[-1] for fields in asterisk.channels() if fields[0].startswith("PJSIP/citizen-")]
    assert len(ids) == 1
    return str(ids[0])


async def stays(asterisk: Any, call: Any) -> None:
    """For several rounds the call stays up and its recording grows each round."""
    name = citizen_channel(asterisk)
    before = recorded(asterisk, name)
    for _round in range(3):
        await asyncio.sleep(ROUNDS / 3)
        after = recorded(asterisk, name)
        assert after > before
        before = after
        assert call.closed is None
    assert call.hearing_since is not None or call.spells, "music is heard meanwhile"


async def test_no_seat_is_registered(asterisk: Any, tmp_path: Path) -> None:
    async with asterisk.citizen(tmp_path) as citizen:
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        await call.answered(within=5)
        await stays(asterisk, call)
        await call.hang_up()
    assert call.closed.by == "here"


async def test_every_seat_is_talking(asterisk: Any, tmp_path: Path) -> None:
    async with asterisk.seat("op1", tmp_path) as seat, asterisk.citizen(tmp_path) as first:
        await seat.register()
        await asterisk.reachable("op1")
        await seat.manner(answer_after=0.1)
        taken = await first.call(f"sip:110@{asterisk.sip}")
        await seat.next_call(within=10)
        await asterisk.until(lambda: seat.talk.answered_at is not None, 5, "the seat to talk")
        async with asterisk.citizen(tmp_path / "second", number="13811112222", own_port=True) as second:
            call = await second.call(f"sip:110@{asterisk.sip}")
            await call.answered(within=5)
            await asyncio.sleep(ROUNDS)
            assert call.closed is None and len(seat.talks) == 1, "kept, and the talk was not disturbed"
            await taken.hang_up()
            assert (await seat.next_call(within=15)).caller == "13811112222", "and the freed seat is rung"
            await call.hang_up()


@pytest.mark.parametrize("code", [486, 603])
async def test_every_seat_refuses(asterisk: Any, tmp_path: Path, code: int) -> None:
    async with asterisk.seat("op2", tmp_path) as seat, asterisk.citizen(tmp_path) as citizen:
        await seat.register()
        await asterisk.reachable("op2")
        await seat.manner(refuse_with=code)
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        await call.answered(within=5)
        await stays(asterisk, call)
        assert 2 <= len(seat.invites) <= 6, "rung again each round, but not without pause"
        await call.hang_up()


async def test_the_seat_loses_its_power_while_ringing(asterisk: Any, tmp_path: Path) -> None:
    async with asterisk.seat("op3", tmp_path) as seat, asterisk.citizen(tmp_path) as citizen:
        await seat.register()
        await asterisk.reachable("op3")
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        await seat.next_call(within=10)
        seat.kill()
        await stays(asterisk, call)
        await call.hang_up()
