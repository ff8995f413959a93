"""The worker: store writer, sealing, transcripts, scheduler (`python -P -m ivr.worker`).

No call waits for it. Every job is a thread of its own and takes up what an earlier worker left unfinished; the store
may go away and come back. SIGTERM: what is spooled is applied, what is closed is sealed, then it leaves.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from callbacks import plan
from cases import escalate
from config.city.load import load as load_city
from config.errors import Exit, Trouble
from config.language import _
from config.settings import Settings, load
from ivr import logs
from ivr.dump import dump_on_signal
from ivr.work.accounting import Accounting
from ivr.work.feeding import Feeding
from ivr.work.finding import Finding
from ivr.work.loop import Loop
from ivr.work.sealing import Sealing, Watching
from ivr.work.ticking import Ticking
from ivr.work.transcribing import Transcribing
from models import kinds
from models.event import now
from models.store.bus import Bell, place
from models.store.engine import open_store
from recordings.cel import Cel
from recordings.growth import live

log = structlog.get_logger()

FINISH_WITHIN = 20.0  # s for each of feeding and sealing at the end; the rest waits for the next start


class Worker:
    """All jobs of one node."""

    def __init__(self, settings: Settings) -> None:
        """Raises `BadSettings`."""
        self._settings = settings
        self._city = load_city(settings.city, settings.var)
        self._store = open_store(settings.store_url)
        self._bell = Bell(place(settings.store_url, settings.run))
        self._ending = threading.Event()
        self._cel = Cel(settings.cel)
        self._feeding = Feeding(settings, self._store, self._bell, self._changed)
        self._sealing = Sealing(settings, self._store, self._bell, self._cel, self._changed)
        self._transcribing = Transcribing(settings, self._city, self._store, self._bell, self._ending.is_set)
        self._accounting = Accounting(settings, self._store, self._cel)
        self._reading = Loop("transcripts", self._transcribing.step, 5.0)
        self._loops = [
            Loop("feed", self._feeding.step, 0.25),
            Loop("seal", self._sealing.step, 0.5),
            Loop("growth", Watching(settings, self._store, self._cel).step, 0.5),
            self._reading,
        ]
        self._ticking = Ticking()
        self._ticking.every(settings.callback.tick, "callbacks", self._call_back)
        self._ticking.every(60.0, "deadlines", self._look_at_deadlines)
        self._ticking.every(60.0, "account", self._accounting.tick)
        self._ticking.every(3600.0, "spool", self._feeding.tidy)
        self._ticking.every(30.0, "found", Finding(settings, self._city, self._store, self._cel).tick)

    def run(self) -> None:
        """Works until SIGTERM or SIGINT."""
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda _number, _frame: self._ending.set())
        self._settings.raw.mkdir(parents=True, exist_ok=True)
        for loop in self._loops:
            loop.start()
        self._ticking.start()
        log.info("worker_started", node=self._settings.node)
        while not self._ending.wait(0.5):  # a signal that another thread received is handled only here
            continue
        self._finish()
        log.info("worker_stopped")

    def _finish(self) -> None:
        """Within bounds: whatever is cut off here is done at the next start."""
        self._ticking.stop()
        for loop in self._loops:
            loop.ask_to_stop()
        self._transcribing.close()
        until = time.monotonic() + FINISH_WITHIN
        ended = [loop.name for loop in self._loops if loop.join(until - time.monotonic())]
        for name, done in (("feed", self._feeding.drained), ("seal", self._sealing.drained)):
            if name in ended:  # else its step still runs, and is finished by itself or at the next start
                _until(name, done)
        self._bell.close()
        self._store.close()

    def _changed(self) -> None:
        self._reading.wake()

    def _call_back(self) -> None:
        """Plans and leases what is due; the line dials what is leased."""
        free = channels(self._settings) - len(live(self._settings.raw))
        for event in plan.tick(self._store, self._settings, self._city, now(), free_channels=free):
            if event.kind == kinds.ATTEMPT_LEASED:
                self._bell.ring("orders", event.stream.partition(":")[2])
            self._bell.ring("cases", str(event.body["case"]))

    def _look_at_deadlines(self) -> None:
        for event in escalate.tick(self._store, self._city, now()):
            self._bell.ring("cases", event.stream.partition(":")[2])


def channels(settings: Settings) -> int:
    """Telephone channels this machine can carry: each takes two RTP ports."""
    return (settings.sip.rtp_last - settings.sip.rtp_first + 1) // 2


def _until(job: str, done: Callable[[], bool]) -> None:
    until = time.monotonic() + FINISH_WITHIN
    try:
        while not done():
            if time.monotonic() > until:
                log.warning("left_for_the_next_start", job=job)
                return
            time.sleep(0.2)
    except Exception as error:  # the store is away: the next worker does it
        log.warning("left_for_the_next_start", job=job, error=type(error).__name__)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """One worker a directory. Raises `Trouble` when another one stays."""
    settings.run.mkdir(parents=True, exist_ok=True)
    handle = os.open(settings.run / "worker.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _try in range(50):  # one that is just leaving gets ten seconds
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.2)
        else:
            raise Trouble(_("{var} 上已有一个后台进程在运行", var=settings.var), Exit.BUSY)
        yield
    finally:
        os.close(handle)


def main() -> int:
    dump_on_signal()
    logs.configure("worker")
    try:
        settings = load()
        with alone(settings):
            Worker(settings).run()
    except Trouble as trouble:
        log.error("worker_cannot_work", why=str(trouble))
        print(trouble, file=sys.stderr)
        return trouble.status
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
