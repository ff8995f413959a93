"""The progress display of the set-up: one line per part, on stderr; plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

Report = Callable[[str, float], None]  # what is being done, and how much of it (0 to 1)


class Steps:
    """`with Steps(console) as steps:` then `steps.report(name)` gives a report function; safe between threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, str] = {}
        self._lock = Lock()

    def report(self, name: str) -> Report:
        """The report function of the part called `name`."""

        def report(sentence: str, part: float) -> None:
            with self._lock:
                self._show(name, sentence, part)

        return report

    def _show(self, name: str, sentence: str, part: float) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bar.add_task(sentence, total=1.0)
        self._bar.update(self._tasks[name], description=sentence, completed=part)
        if not self._console.is_terminal and self._said.get(name) != sentence:
            self._console.print(sentence)
        self._said[name] = sentence

    def __enter__(self) -> Steps:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
