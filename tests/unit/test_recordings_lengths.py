"""A recording is as long as its call, within what a clock can differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.lengths import Length, judge


@pytest.mark.parametrize(
    ("call", "recording", "length"),
    [
        (60.0, 60.1, Length.RIGHT),
        (60.0, 59.2, Length.RIGHT),
        (60.0, 58.0, Length.SHORT),
        (60.0, 70.0, Length.LONG),
        (0.0, 0.0, Length.RIGHT),
        (3600.0, 3594.0, Length.RIGHT),
        (3600.0, 3580.0, Length.SHORT),
    ],
)
def test_the_tolerance(call: float, recording: float, length: Length) -> None:
    assert judge(call, recording) is length


def test_ringing_before_the_answer_is_recorded_too() -> None:
    assert judge(60.0, 75.0, ringing=14.0) is Length.RIGHT


def test_a_gap_that_was_noticed_counts() -> None:
    assert judge(60.0, 50.0) is Length.SHORT
    assert judge(60.0, 50.0, gaps=10.0) is Length.RIGHT


@given(call=st.floats(0, 7200), lost=st.floats(16, 7200))
def test_a_lost_quarter_of_a_minute_is_always_seen(call: float, lost: float) -> None:
    assert judge(call, max(0.0, call - lost)) is (Length.SHORT if call > 1.1 else Length.RIGHT) or call < 16
