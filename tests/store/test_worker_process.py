"""The worker as a process: it takes up what is unfinished, and leaves nothing half done."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config.errors import Exit, Trouble
from config.settings import Settings, load
from ivr import worker
from models import kinds
from models.calls import Call, Recording
from models.event import happened
from models.log import LoggedEvent
from models.store.engine import Store
from models.store.spool import Spool

CALL = "n1-1732450000.12"


class Site:
    """A var directory with a worker, on the database of the test."""

    def __init__(self, store: Store | None, url: str, folder: Path) -> None:
        self.store = store
        self.url = url
        self.settings: Settings = load(folder)
        self.settings.raw.mkdir(parents=True)
        self.log = folder / "worker.log"
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        env = {
            **os.environ,
            "MINSHENG_VAR": str(self.settings.var),
            "MINSHENG_CACHE": str(self.settings.var / "cache"),
            "MINSHENG_STORE__URL": self.url,
            "MINSHENG_LANGUAGE": "en",
        }
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ivr.worker"], env=env, cwd="/", stderr=log
            )
        self.running.append(process)
        return process

    def spool(self, count: int) -> None:
        spool = Spool(self.settings.spool, "n1")
        spool.start()
        for number in range(count):
            spool.put(
                happened("n1", f"call:n1-1732450000.{number}", kinds.CALL_START, direction="in", caller="139")
            )
        assert spool.stop()

    def record(self, channel: str = CALL) -> None:
        (self.settings.raw / f"{channel}.raw").write_bytes(bytes(4 * 8000))
        (self.settings.raw / f"{channel}.done").touch()

    def count(self, noun: type[Call] | type[Recording] | type[LoggedEvent]) -> int:
        assert self.store is not None
        with self.store.reading() as session:
            return session.scalar(select(func.count()).select_from(noun)) or 0

    def until(self, done: Callable[[], bool]) -> None:
        for _try in range(300):
            if done():
                return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())


@pytest.fixture
def site(store: Store, store_url: str, tmp_path: Path) -> Iterator[Site]:
    made = Site(store, store_url, tmp_path / "var")
    yield made
    for process in made.running:
        process.kill()
        process.wait()


def test_what_happens_is_stored_and_sealed_while_it_works(site: Site) -> None:
    site.spool(3)
    process = site.start()
    site.until(lambda: site.count(Call) == 3)
    site.record()
    site.until(lambda: site.count(Recording) == 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == Exit.OK
    assert list(site.settings.raw.iterdir()) == []


def test_asked_to_end_it_first_finishes(site: Site) -> None:
    site.spool(1)
    process = site.start()
    site.until(lambda: site.count(Call) == 1)
    process.send_signal(signal.SIGSTOP)  # everything comes while it sleeps, and the signal with it
    site.spool(700)
    site.record()
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == Exit.OK
    assert (site.count(Call), site.count(Recording)) == (700, 1)


def test_killed_it_is_taken_up_where_it_was(site: Site) -> None:
    site.spool(800)
    first = site.start()
    site.until(lambda: site.count(Call) > 0)
    first.kill()
    first.wait()
    site.record()
    second = site.start()
    site.until(lambda: site.count(Call) == 800 and site.count(Recording) == 1)
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == Exit.OK
    assert site.count(LoggedEvent) == 801


def test_with_the_store_away_it_waits_and_loses_nothing(tmp_path: Path) -> None:
    site = Site(None, "postgresql://nobody@127.0.0.1:1/minsheng", tmp_path / "var")
    site.spool(1)
    site.record()
    process = site.start()
    try:
        site.until(lambda: "store_away" in site.log.read_text())
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == Exit.OK
    finally:
        process.kill()
        process.wait()
    assert sorted(path.suffix for path in site.settings.raw.iterdir()) == [".done", ".raw"]


def test_a_second_worker_on_the_same_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(tmp_path / "var")
    settings.run.mkdir(parents=True)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with (settings.run / "worker.lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        with pytest.raises(Trouble) as refused, worker.alone(settings):
            raise AssertionError("two workers")
    assert refused.value.status is Exit.BUSY
