"""Names of calls and of their legs: how they are made, and what may be read back from them.

A citizen's call is named by Asterisk (`<node>-<epoch seconds>.<number>`, the linkedid of its first channel);
a callback's call is named by its attempt's UUID. The legs we ring ourselves are `<call>.<seat>.<attempt>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_ASTERISK = r"[a-z][a-z0-9]{0,7}-\d{9,11}\.\d+"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SEAT = r"[A-Za-z0-9_-]+"
_CALL = re.compile(rf"{_ASTERISK}|{_UUID}")
_LEG = re.compile(rf"(?P<call>{_ASTERISK}|{_UUID})\.(?P<seat>{_SEAT})\.(?P<attempt>\d+)")


@dataclass(frozen=True, slots=True)
class LegName:
    """A leg's id, taken apart."""

    call: str
    seat: str
    attempt: int


def leg_id(call_id: str, seat: str, attempt: int) -> str:
    """The channel id of the `attempt`-th ring of `seat` for a call: used once, never again.

    Raises `ValueError` for a seat name that could not be told apart again.
    """
    name = f"{call_id}.{seat}.{attempt}"
    if not re.fullmatch(_SEAT, seat) or attempt < 0:
        raise ValueError(f"not a leg of ours: {name!r}")
    return name


def is_seat(name: str) -> bool:
    """Whether a telephone account's name may be part of a leg's id."""
    return re.fullmatch(_SEAT, name) is not None


def leg_of(channel_id: str) -> LegName | None:
    """The parts of a leg's id; None when it is a call's own channel."""
    found = _LEG.fullmatch(channel_id)
    return LegName(found["call"], found["seat"], int(found["attempt"])) if found else None


def call_of(channel_id: str) -> str:
    """The call a channel belongs to: the leg's call, else the channel's own id."""
    leg = leg_of(channel_id)
    return leg.call if leg else channel_id


def is_callback(call_id: str) -> bool:
    """Whether a call's id is an attempt's UUID, that is: one of our own calls."""
    return re.fullmatch(_UUID, call_id) is not None


def is_call(call_id: str) -> bool:
    return _CALL.fullmatch(call_id) is not None


def made_at(channel_id: str) -> datetime | None:
    """When Asterisk made the call's first channel (whole seconds, UTC); None where the id does not tell."""
    call = call_of(channel_id)
    if not re.fullmatch(_ASTERISK, call):
        return None
    return datetime.fromtimestamp(int(call.partition("-")[2].partition(".")[0]), UTC)
