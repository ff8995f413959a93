"""How a command shows what it found: a table for people, or one JSON object on stdout for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from config.language import _

PIPED = 240  # columns where no terminal says how many: ids stay whole

AsJson = Annotated[bool, typer.Option("--json", help=_("输出 JSON"))]


def console() -> Console:
    """For people; stdout holds results only."""
    return Console(highlight=False)


def aside() -> Console:
    """For progress and hints: stderr, so that stdout stays clean."""
    return Console(stderr=True, highlight=False)


def plain(value: Any) -> Any:
    """What `json` can write, for the values our nouns hold. Raises `TypeError` for anything else."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID | Path):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def as_json(value: Any) -> None:
    """The one object of a command that was asked for JSON."""
    print(json.dumps(value, ensure_ascii=False, default=plain))


def columns(row: Any, *leaving_out: str) -> dict[str, Any]:
    """The columns of a table's row, as JSON shows them."""
    return {
        column.key: getattr(row, column.key)
        for column in type(row).__table__.columns
        if column.key not in leaving_out
    }


def local(moment: datetime | None, zone: ZoneInfo) -> str:
    """A moment in the city's time, to the second; empty when it has not come."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def as_table(heads: Sequence[str], rows: Iterable[Sequence[object]], nothing: str) -> None:
    """A table, or the sentence `nothing` where there are no rows. The first column is an id: it stays whole."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, head in enumerate(heads):
        table.add_column(head, no_wrap=place == 0, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    if table.row_count:
        Console(highlight=False, width=None if sys.stdout.isatty() else PIPED).print(table)
    else:
        console().print(nothing)
