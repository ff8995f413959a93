"""One block: seats register and pick up, citizens call, at most so many at once; what it cost and what went wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import soundfile

from bench.load.sipp import CITIZENS, SEATS, Sipp
from bench.load.sites import Site
from config.errors import Trouble

AFTER_NOTICE = 1.0  # s between the end of the notice and the seat's answer
REGISTERED_FOR = 300  # s: the longest the line grants, and the longest a block may last
SETTLE_WITHIN = 20.0  # s


@dataclass(frozen=True)
class Block:
    """`side`: line or bare; `at`: calls at once."""

    side: str
    at: int
    calls: int


@dataclass(frozen=True)
class Plan:
    """What is the same for all blocks; `talk` in seconds."""

    folder: Path
    citizen: Path
    seat: Path
    citizens_port: int
    phones_port: int
    talk: float


@dataclass
class Result:
    """`cpu`: seconds by process, during `wall` seconds; `answer_ms`: INVITE to 200, one for each call."""

    block: Block
    cpu: dict[str, float]
    wall: float
    answer_ms: list[float]
    failed: int
    notes: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def p99(self) -> float:
        return percentile(self.answer_ms, 0.99)

    @property
    def sentence(self) -> str:
        each = "  ".join(
            f"{name} {seconds / self.block.calls * 1000:.1f}" for name, seconds in self.cpu.items()
        )
        return (
            f"{self.block.side} ×{self.block.at}: {self.block.calls} calls in {self.wall:.0f} s, failed {self.failed}, "
            f"answer p99 {self.p99:.0f} ms; CPU ms per call: {each}"
        )


def percentile(values: list[float], part: float) -> float:
    """The smallest value that at least `part` of all do not exceed; infinite for none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else math.inf


def run(plan: Plan, site: Site, block: Block, tell: Callable[[int], object]) -> Result:
    """The whole block; `tell` hears how many calls are done. Raises `Trouble` when it could not be held."""
    folder = plan.folder / f"{block.side}-{time.monotonic_ns()}"
    notice = soundfile.info(site.settings.sounds / "notice.wav").duration
    # The bare dialplan rings only after its notice: both sides' seats answer at the same moment of the call.
    ring = notice + AFTER_NOTICE if block.side == "line" else AFTER_NOTICE
    stay = notice + AFTER_NOTICE + plan.talk
    lasts = block.calls / block.at * stay + stay
    if lasts > REGISTERED_FOR - 20:
        raise Trouble(f"{block.calls} calls at {block.at} would last {lasts:.0f} s: ask for more rounds")
    _register(plan, site, folder / "in", REGISTERED_FOR)
    seats = Sipp(
        folder / "seats",
        "seat",
        site.sip,
        SEATS,
        plan.phones_port,
        ring_ms=round(ring * 1000),
        voice=plan.seat,
    )
    with seats:
        _until(lambda: site.reachable() >= len(site.accounts), "seats")
        before, began = site.cpu(), time.monotonic()
        callers = Sipp(
            folder / "callers",
            "caller",
            site.sip,
            CITIZENS,
            plan.citizens_port,
            *("-m", str(block.calls), "-l", str(block.at)),
            *("-r", str(max(1, round(block.at / stay * 1000))), "-rp", "1000000"),
            rows=[f"1385990{number:04}" for number in range(block.calls)],
            stay_ms=round(stay * 1000),
            voice=plan.citizen,
        )
        with callers:
            while callers.running and time.monotonic() - began < lasts + 60:
                tell(callers.counted().succeeded)
                time.sleep(1)
            counted = callers.wait(1)
        _until(site.quiet, "channels")
        after, wall = site.cpu(), time.monotonic() - began
        time.sleep(1.2)  # SIPp's statistics come once a second
        answered = seats.counted().answered
    _register(plan, site, folder / "out", 0)
    cpu = {name: round(after[name] - before[name], 2) for name in after}
    lost = block.calls - counted.succeeded
    notes = [f"seats answered {answered}"] if answered != block.calls else []
    return Result(block, cpu, wall, callers.response_times(), max(lost, abs(block.calls - answered)), notes)


def _register(plan: Plan, site: Site, folder: Path, expires: int) -> None:
    rows = [f"{name};[authentication username={name} password={key}]" for name, key in site.accounts.items()]
    with Sipp(
        folder, "register", site.sip, SEATS, plan.phones_port, "-m", str(len(rows)), "-r", "50",
        rows=rows, expires=expires,
    ) as sipp:  # fmt: skip
        counted = sipp.wait(60)
    if counted.succeeded != len(rows):
        raise Trouble(f"{len(rows) - counted.succeeded} seats did not register: {folder}")


def _until(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + SETTLE_WITHIN
    while not holds():
        if time.monotonic() > until:
            raise Trouble(f"waited {SETTLE_WITHIN:.0f} s in vain for {what}")
        time.sleep(0.2)
