"""Whether a recording is as long as its call.

The recorder starts before the answer, so a recording may be longer than the call by the time of ringing; it may
be shorter only by what a clock and a last frame can differ, and by gaps that were noticed (`growth`).
"""

from __future__ import annotations

from enum import StrEnum

SHORTER = 1.0  # s: a write buffer and the way of the hang-up through Asterisk and the line
DRIFT = 0.002  # of the length: two clocks, the telephone's frames against ours
LONGER = 3.0  # s beyond the ringing


class Length(StrEnum):
    RIGHT = "right"
    SHORT = "short"  # sound is missing
    LONG = "long"  # the call's seconds are doubtful, no sound is missing


def judge(call: float, recording: float, *, ringing: float = 0.0, gaps: float = 0.0) -> Length:
    """Compares seconds: `call` from answer to hang-up, `ringing` before it, `gaps` known to be missing."""
    slack = SHORTER + DRIFT * call
    if recording + gaps < call - slack:
        return Length.SHORT
    if recording > call + ringing + LONGER + DRIFT * call:
        return Length.LONG
    return Length.RIGHT
