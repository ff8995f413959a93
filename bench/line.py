"""The line under load, beside a bare dialplan that answers, plays, rings and records in the same way.

`python -m bench.line [--calls N] [--at 20,60,100] [--results FOLDER]`, from the repository's root; needs SIPp. Both
sides take their blocks of calls by turns in one run. The last line is
`line_ratio X asterisk_ratio Y answer_ms_p99 Z failed N`: X, processor time of line and guard over Asterisk's; Y, of
Asterisk for a call over the bare one's; Z, INVITE to 200; N, calls that went wrong on either side. Exit status 0 only
if X ≤ 0.10, Y ≤ 1.25, Z ≤ 50 and N = 0; with `--quick` (a few short calls) only N counts.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.load.account import account
from bench.load.block import Block, Plan, Result, run
from bench.load.report import Figures, machine, summed, table
from bench.load.sipp import CITIZENS, SEATS, program, voice
from bench.load.sites import Bare, Shipped, Site, free_port
from config.errors import Trouble

LINE_ADDRESS, BARE_ADDRESS = "127.0.0.4", "127.0.0.5"
LIMITS = Figures(line_ratio=0.10, asterisk_ratio=1.25, answer_ms_p99=50.0, failed=0)
SPARE_SEATS = 0.15  # of the calls at once: one that hangs up is free a moment later


def blocks(calls: int, levels: list[int], rounds: int) -> list[Block]:
    """The calls shared out in proportion to the levels, each level in rounds; who begins changes each time."""
    shares = [max(1, round(calls * level / sum(levels))) for level in levels]
    shares[-1] += max(0, calls - sum(shares))
    plan = []
    for level, share in zip(levels, shares, strict=True):
        for number in range(rounds):
            part = share // rounds + (share % rounds if number == 0 else 0)
            if part:
                sides = ("line", "bare") if number % 2 == 0 else ("bare", "line")
                plan += [Block(side, level, part) for side in sides]
    return plan


def measure(
    folder: Path, order: list[Block], talk: float, transcripts: bool, console: Console
) -> list[Result]:
    """Both sides up, all blocks one after the other, and the line's account at the end."""
    seats = max(block.at for block in order)
    seats += max(2, round(seats * SPARE_SEATS))
    citizens, phones = free_port(socket.SOCK_DGRAM, CITIZENS), free_port(socket.SOCK_DGRAM, SEATS)
    with ExitStack() as stack:
        sites: dict[str, Site] = {
            "line": Shipped(folder / "line", LINE_ADDRESS, seats, citizens, transcripts=transcripts),
            "bare": Bare(folder / "bare", BARE_ADDRESS, seats, citizens),
        }
        for site in sites.values():
            stack.enter_context(site)
        voices = voice("citizen_1", folder / "citizen.alaw"), voice("operator_2", folder / "seat.alaw")
        plan = Plan(folder / "sipp", voices[0], voices[1], citizens, phones, talk)
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        with progress:
            bar = progress.add_task("", total=sum(block.calls for block in order))
            results: list[Result] = []
            for block in order:
                progress.update(bar, description=f"{block.side} ×{block.at}")
                begun = sum(result.block.calls for result in results)
                done = run(plan, sites[block.side], block, _showing(progress, bar, begun))
                progress.update(bar, completed=begun + block.calls)
                results.append(done)
                sites[block.side].tidy()
                console.print(done.sentence)
        console.print(account(sites["line"].settings, results).sentence)
    return results


def _showing(progress: Progress, bar: TaskID, begun: int) -> Callable[[int], None]:
    return lambda calls: progress.update(bar, completed=begun + calls)


def main(
    calls: Annotated[
        int, typer.Option(min=1, help="calls through the line; as many through the bare one")
    ] = 1000,
    at: Annotated[str, typer.Option(help="calls at once, level by level")] = "20,60,100",
    talk: Annotated[float, typer.Option(min=1, help="seconds of talk with the seat")] = 26.0,
    rounds: Annotated[int, typer.Option(min=1, help="turns of each side at each level")] = 2,
    results: Annotated[Path | None, typer.Option(help="folder for line.json")] = None,
    folder: Annotated[Path | None, typer.Option(help="in which both sides live meanwhile, some 3 GB")] = None,
    transcripts: Annotated[bool, typer.Option(help="let the worker also read the calls (Whisper)")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="a few short calls, to see that it works")] = False,
) -> None:
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if quick:
        calls, at, talk, rounds = 4, "2", 3.0, 1
    try:
        levels = [int(level) for level in at.split(",")]
        program()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix="ms-bench-", dir=folder))
        before = machine()
        try:
            done = measure(place, blocks(calls, levels, rounds), talk, transcripts, console)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    except Trouble as trouble:
        console.print(str(trouble), style="red")
        raise typer.Exit(int(trouble.status)) from None
    except ValueError:
        raise typer.BadParameter(at, param_hint="--at") from None
    figures = summed(done)
    console.print(table(done))
    if results is not None:
        results.mkdir(parents=True, exist_ok=True)
        told = {
            "machine": before,
            "talk": talk,
            "figures": figures.plain(),
            "blocks": [one.plain() for one in done],
        }
        (results / "line.json").write_text(json.dumps(told, ensure_ascii=False, indent=1), "utf-8")
    print(figures.line)
    raise typer.Exit(0 if figures.within(LIMITS, ratios=not quick) else 1)


if __name__ == "__main__":
    typer.run(main)
