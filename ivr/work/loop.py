"""A job of the worker: one step again and again in a thread of its own, whatever the step raises."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from models.store.errors import Retryable

log = structlog.get_logger()

LONGEST_PAUSE = 30.0  # s between tries of a step that fails
TELL_EVERY = 60.0  # s: a fault that stays is told again


class Faults:
    """Tells a fault once, then once a minute, and that it is over: a log one can still read after an outage."""

    def __init__(self, job: str) -> None:
        self._job = job
        self._last: tuple[str, float] | None = None
        self.count = 0

    def tell(self, error: Exception) -> None:
        self.count += 1
        kind, at = type(error).__name__, time.monotonic()
        if self._last is not None and self._last[0] == kind and at - self._last[1] < TELL_EVERY:
            return
        self._last = kind, at
        if isinstance(error, Retryable):
            log.warning("store_away", job=self._job, error=str(error), times=self.count)
        else:
            log.error("job_failed", job=self._job, times=self.count, exc_info=error)

    def over(self) -> None:
        if self.count:
            log.info("job_goes_on", job=self._job, failures=self.count)
        self.count, self._last = 0, None


class Loop:
    """Runs `step` every `every` seconds, at once again while it returns True, sooner when `wake` is called."""

    def __init__(self, name: str, step: Callable[[], bool], every: float) -> None:
        self.name = name
        self._step = step
        self._every = every
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._faults = Faults(name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._awake.set()

    def ask_to_stop(self) -> None:
        self._stopping.set()
        self._awake.set()

    def join(self, within: float) -> bool:
        """Whether the thread has ended; its step is not interrupted."""
        self._thread.join(max(0.0, within))
        return not self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def _run(self) -> None:
        pause = self._every
        while not self._stopping.is_set():
            self._awake.clear()
            try:
                again = self._step()
            except Exception as error:  # a fault of one job never ends it, nor another one
                self._faults.tell(error)
                pause = min(max(2 * pause, 0.5), LONGEST_PAUSE)
                self._stopping.wait(pause)
                continue
            self._faults.over()
            pause = self._every
            if not again:
                self._awake.wait(self._every)
