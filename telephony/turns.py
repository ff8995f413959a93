"""What a verb may raise into a dialogue: the caller has gone, or a person is there or wanted.

Only verbs raise these. Everything else that comes out of a dialogue is a fault of ours, and sends the
channel to the dialplan's fallback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telephony.leg import Leg


class Turn(Exception):
    """The conversation takes another way than the stage meant."""


class CallerGone(Turn):
    """The citizen's channel has left us: hung up, or taken elsewhere."""


class PersonReady(Turn):
    """In an interruptible stage: somebody answered a phone for this call."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg.id)
        self.leg = leg


class PersonWanted(Turn):
    """In an interruptible stage: the citizen pressed 0, or 1 for an emergency."""


class Overstayed(Exception):
    """Nothing came of a verb for longer than its stage ever stays: a fault of ours, not a turn."""
