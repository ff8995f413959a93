"""The figures of all blocks together, and the machine they were taken on."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from bench.load.block import Result, percentile

HEADS = ("at", "calls", "line", "worker", "Ast.", "bare", "X", "Y", "200 p50", "p99", "bare p99", "failed")


@dataclass(frozen=True)
class Figures:
    """What the last line says."""

    line_ratio: float
    asterisk_ratio: float
    answer_ms_p99: float
    failed: int

    @property
    def line(self) -> str:
        return (
            f"line_ratio {self.line_ratio:.3f} asterisk_ratio {self.asterisk_ratio:.3f} "
            f"answer_ms_p99 {self.answer_ms_p99:.0f} failed {self.failed}"
        )

    def within(self, limits: Figures, *, ratios: bool = True) -> bool:
        fast = (
            self.line_ratio <= limits.line_ratio
            and self.asterisk_ratio <= limits.asterisk_ratio
            and self.answer_ms_p99 <= limits.answer_ms_p99
        )
        return self.failed <= limits.failed and (fast or not ratios)

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def summed(results: list[Result]) -> Figures:
    """Of all blocks; of one level's, if only those are given."""
    line = [result for result in results if result.block.side == "line"]
    bare = [result for result in results if result.block.side == "bare"]
    ours = sum(result.cpu["line"] + result.cpu["guard"] for result in line)
    return Figures(
        ours / sum(result.cpu["asterisk"] for result in line),
        per_call(line, "asterisk") / per_call(bare, "asterisk"),
        percentile([each for result in line for each in result.answer_ms], 0.99),
        sum(result.failed for result in results),
    )


def per_call(results: list[Result], process: str) -> float:
    """CPU seconds of a process for one call."""
    return sum(result.cpu[process] for result in results) / sum(result.block.calls for result in results)


def table(results: list[Result]) -> Table:
    """Level by level, CPU in milliseconds per call."""
    drawn = Table(*HEADS, box=None, title="CPU: ms per call; 200: ms after INVITE", pad_edge=False)

    for level in sorted({result.block.at for result in results}):
        those = [result for result in results if result.block.at == level]
        line = [result for result in those if result.block.side == "line"]
        bare = [result for result in those if result.block.side == "bare"]
        figures = summed(those)
        times = [each for result in line for each in result.answer_ms]
        drawn.add_row(
            str(level),
            str(sum(result.block.calls for result in line)),
            f"{(per_call(line, 'line') + per_call(line, 'guard')) * 1000:.1f}",
            f"{per_call(line, 'worker') * 1000:.1f}",
            f"{per_call(line, 'asterisk') * 1000:.1f}",
            f"{per_call(bare, 'asterisk') * 1000:.1f}",
            f"{figures.line_ratio:.3f}",
            f"{figures.asterisk_ratio:.3f}",
            f"{percentile(times, 0.5):.0f}",
            f"{figures.answer_ms_p99:.0f}",
            f"{percentile([each for result in bare for each in result.answer_ms], 0.99):.0f}",
            str(figures.failed),
        )
    return drawn


def machine() -> dict[str, Any]:
    """Processor, cores, memory, kernel, and how busy it was before."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = Path("/proc/meminfo").read_text().splitlines()[0].split()[1]
    return {
        "cpu": cpu[0].partition(":")[2].strip() if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory) / 2**20, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg(),
    }
