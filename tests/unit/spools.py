"""What the spool's tests share."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from models.event import Event, happened
from models.store.spool import Spool

DAY = date(2026, 11, 24)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[], Spool]]:
    """Begins a spool on the same path, as often as asked."""
    begun: list[Spool] = []

    def make() -> Spool:
        spool = Spool(tmp_path / "spool" / "spool.db", "n1")
        spool.start()
        begun.append(spool)
        return spool

    yield make
    for spool in begun:
        spool.stop()


def some(number: int = 1) -> list[Event]:
    return [happened("n1", "call:1", "CallKey", digit=str(index)) for index in range(number)]


def kept(spool: Spool) -> list[Event]:
    with sqlite3.connect(spool.path) as sql:
        return [Event.decode(data) for (data,) in sql.execute("SELECT data FROM event ORDER BY row")]


def until(true: Callable[[], bool], within: float = 20.0) -> bool:
    end = time.monotonic() + within
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
