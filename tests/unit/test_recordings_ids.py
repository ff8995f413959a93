"""The names of legs are made and read back without loss."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ids import call_of, is_callback, leg_id, leg_of, made_at

CALL = "n1-1732450000.12"


@given(
    call=st.one_of(st.just(CALL), st.builds(lambda: str(uuid4()))),
    seat=st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True),
    attempt=st.integers(0, 10_000),
)
def test_a_leg_tells_its_call_seat_and_attempt(call: str, seat: str, attempt: int) -> None:
    name = leg_id(call, seat, attempt)
    leg = leg_of(name)
    assert leg is not None
    assert (leg.call, leg.seat, leg.attempt) == (call, seat, attempt)
    assert call_of(name) == call


@pytest.mark.parametrize(
    "channel", [CALL, "0b5f6d2e-3c1a-4e57-9a43-6f1d2c8e7b90", "", "rubbish", f"{CALL}.op1"]
)
def test_what_is_no_leg_is_its_own_call(channel: str) -> None:
    assert leg_of(channel) is None
    assert call_of(channel) == channel


@pytest.mark.parametrize("seat", ["", "op.1", "op 1", "接警"])
def test_a_seat_that_could_not_be_told_apart_is_refused(seat: str) -> None:
    with pytest.raises(ValueError, match="not a leg"):
        leg_id(CALL, seat, 1)


def test_only_a_callbacks_name_is_a_uuid() -> None:
    assert is_callback(str(uuid4()))
    assert not is_callback(CALL)


def test_asterisks_name_holds_the_second_it_was_made() -> None:
    at = made_at(f"{CALL}.op1.1")
    assert at is not None and at.timestamp() == 1732450000
    assert made_at(str(uuid4())) is None
