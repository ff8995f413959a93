"""Every step of a case's life, in one place to call.

Each is `step(session, city, case_number, *, by, now, seen_version=None, …) -> Case`: compare-and-set on state and
version, its event in the same transaction. `by` is a person of this line; of a unit's own steps (accept, resolve,
return, extend) also the unit that has the case. Raises `NotFound` for an unknown case, unit, matter or operator, and
`Refused`, with the reason, for a step the rules or the present state do not allow; then nothing has changed.
"""

from __future__ import annotations

from cases.dispatching import accept, assign, extend, resolve, return_
from cases.owning import claim, hand_over, supervise, welfare_called
from cases.settling import answer, close, confirm, merge, no_matter, reopen

__all__ = [
    "accept",
    "answer",
    "assign",
    "claim",
    "close",
    "confirm",
    "extend",
    "hand_over",
    "merge",
    "no_matter",
    "reopen",
    "resolve",
    "return_",
    "supervise",
    "welfare_called",
]
