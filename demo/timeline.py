"""The story as it happens: one line a moment, who and what, by the clock that starts with the dialling.

Phones tell at once, the duty log arrives a little later: lines are kept back for a second and printed in the order
in which things happened.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from config.language import _

Who = Literal["citizen", "operator", "line", "office", "unit"]

COLOURS: dict[Who, str] = {
    "citizen": "cyan",
    "operator": "green",
    "line": "magenta",
    "office": "blue",
    "unit": "yellow",
}
HELD_BACK = 1.2  # s
BESIDE = 11  # columns taken by the clock and the gaps


def _name(who: Who) -> str:
    return {
        "citizen": _("市　民"),
        "operator": _("接警员"),
        "line": _("１１０"),
        "office": _("工　单"),
        "unit": _("单　位"),
    }[who]


class Timeline:
    """Without a console it keeps silent."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._waiting: list[tuple[float, int, Who, str, bool]] = []
        self._order = itertools.count()
        self.begins = time.monotonic()
        self._clock = datetime.now(UTC)

    def begin(self) -> None:
        """Now is 00:00.0."""
        self.begins, self._clock = time.monotonic(), datetime.now(UTC)

    def chapter(self, title: str) -> None:
        """A heading, after everything that happened before it."""
        self.flush(everything=True)
        if self._console is not None:
            self._console.print()
            if self._console.is_terminal:
                self._console.rule(f"[bold]{escape(title)}[/]", align="left", style="dim")
            else:
                self._plain(title)

    def tell(self, who: Who, text: str, *, at: float | None = None, quiet: bool = False) -> None:
        """`at` is monotonic seconds, now where empty. `quiet`: a detail."""
        moment = time.monotonic() if at is None else at
        heapq.heappush(self._waiting, (moment, next(self._order), who, text, quiet))
        self.flush()

    def tell_at(self, who: Who, text: str, moment: datetime, *, quiet: bool = False) -> None:
        """The same, by the clock of the duty log."""
        self.tell(who, text, at=self.begins + (moment - self._clock).total_seconds(), quiet=quiet)

    def ending(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """What remains of it all: a name and a value each."""
        self.chapter(title)
        if self._console is None:
            return
        if not self._console.is_terminal:
            for name, value in rows:
                for each in value.splitlines():
                    self._plain(f"{name}  {each}")
            return
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(name, Text(value))
        self._console.print(table)

    def flush(self, *, everything: bool = False) -> None:
        """Print what is old enough that nothing earlier can come any more."""
        until = time.monotonic() - HELD_BACK
        while self._waiting and (everything or self._waiting[0][0] <= until):
            moment, _order, who, text, quiet = heapq.heappop(self._waiting)
            self._print(moment - self.begins, who, text, quiet)

    def _print(self, seconds: float, who: Who, text: str, quiet: bool) -> None:
        if self._console is None:
            return
        minutes, rest = divmod(max(0.0, seconds), 60)
        clock = f"{int(minutes):02}:{rest:04.1f}"
        if not self._console.is_terminal:
            self._plain(f"{clock}  {_name(who)}  {text}")
            return
        line = Table.grid(padding=(0, 2))  # a long sentence goes on under its own beginning
        line.add_column(no_wrap=True, style="dim")
        line.add_column(no_wrap=True, style=f"bold {COLOURS[who]}")
        line.add_column(overflow="fold", style="dim" if quiet else "")
        room = self._console.width - BESIDE - cell_len(_name(who))
        words = Text("\n".join(_folded(text, max(20, room))))
        words.highlight_regex(r"(?s)“.*”", "italic")
        line.add_row(clock, _name(who), words)
        self._console.print(line)

    def _plain(self, line: str) -> None:
        """One moment, one line, as it is: a file or a pipe has no width, and a path must stay whole."""
        if self._console is not None:
            self._console.print(Text(line), soft_wrap=True)


def _folded(text: str, width: int) -> list[str]:
    """Lines of Chinese break anywhere; rich would break it only at a space. Other languages are left to rich."""
    mostly_wide = cell_len(text) > 1.4 * len(text)
    return chop_cells(text, width) if mostly_wide else [text]
