"""What happens by the clock: callbacks that are due, deadlines of cases, the account of the recordings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from ivr.work.loop import Faults

log = structlog.get_logger()

Tick = Callable[[], object]


class Ticking:
    """Each tick runs by itself, never twice at once; one that was missed is made up for once."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(3)},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )

    def every(self, seconds: float, name: str, tick: Tick) -> None:
        """`tick` at the start and then every so many seconds; what it raises is told, and it is run again."""
        self._scheduler.add_job(
            _guarded(name, tick), "interval", seconds=seconds, id=name, next_run_time=datetime.now(UTC)
        )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """No further tick begins; one that runs is left to its end (a transaction, nothing is lost)."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _guarded(name: str, tick: Tick) -> Callable[[], None]:
    faults = Faults(name)

    def run() -> None:
        try:
            tick()
        except Exception as error:  # a fault of one tick never ends it, nor another one
            faults.tell(error)
        else:
            faults.over()

    return run
