"""The spool keeps what happened, whatever the disk does."""

from __future__ import annotations

import resource
import shutil
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models.code import valid
from models.event import Event, happened
from models.store.spool import Spool
from tests.unit.spools import DAY, begin, kept, some, until

__all__ = ["begin"]


async def test_what_was_put_is_on_disk_in_order(begin: Callable[[], Spool]) -> None:
    spool, events = begin(), some(300)
    for event in events:
        spool.put(event)
    assert await spool.on_disk(events[-1].id, within=10.0)
    assert await spool.on_disk(events[0].id, within=10.0)  # asked again, later
    assert kept(spool) == events
    assert all(spool.contains(event.id) for event in events)


async def test_an_event_never_put_is_not_there(begin: Callable[[], Spool]) -> None:
    spool, (event,) = begin(), some()
    assert not await spool.on_disk(event.id, within=5.0)
    assert await spool.holds(event.id, within=5.0) is False
    assert not spool.contains(event.id)


async def test_a_known_id_is_ignored(begin: Callable[[], Spool]) -> None:
    spool, (event,) = begin(), some()
    spool.put(event)
    spool.put(event)
    assert await spool.on_disk(event.id, within=10.0)
    spool.put(event)
    assert spool.stop()
    assert kept(spool) == [event]


def test_what_is_put_before_the_start_or_just_before_the_end_is_kept(tmp_path: Path) -> None:
    spool, (early, late) = Spool(tmp_path / "spool.db", "n1"), some(2)
    spool.put(early)
    assert spool.contains(early.id)
    spool.start()
    spool.put(late)
    assert spool.stop()
    assert kept(spool) == [early, late]


@pytest.mark.parametrize(
    "body",
    [
        {"x": object()},
        {"x": "\ud800"},
        {"x": 10**400},
        {"x": 10**9_000},
        {"x": {1, 2}},
        {"\udfff": [b"\x00"]},
        {"x": float("nan")},
    ],
)
def test_an_odd_body_is_kept_as_far_as_json_goes(begin: Callable[[], Spool], body: dict[str, Any]) -> None:
    spool = begin()
    event = happened("n1", "call:1", "CallKey", **body)
    spool.put(event)
    assert spool.stop()
    assert [one.id for one in kept(spool)] == [event.id]


def test_many_threads_may_put(begin: Callable[[], Spool]) -> None:
    spool, events = begin(), some(400)

    def put_all(part: list[Event]) -> None:
        for event in part:
            spool.put(event)

    threads = [threading.Thread(target=put_all, args=(events[first::4],)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spool.stop()
    assert {event.id for event in kept(spool)} == {event.id for event in events}


async def test_a_slow_disk_holds_up_nobody(begin: Callable[[], Spool]) -> None:
    """Another process holds the file's lock longer than the writer waits for it."""
    spool, events = begin(), some(20)
    with sqlite3.connect(spool.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        for event in events:
            spool.put(event)
        assert not await spool.on_disk(events[0].id, within=0.2)
        assert await spool.holds(happened("n1", "", "").id, within=0.2) is None
        assert spool.contains(events[0].id)  # put is put
        numbers = {spool.take_case_number(datetime.now(UTC).date()) for _ in range(1_500)}
        codes = [spool.take_code("13900000000") for _ in range(900)]
        assert len(numbers) == 1_500
        assert len(set(codes)) == 900 and all(map(valid, codes))
        assert until(lambda: spool.trouble is not None)
        other.execute("ROLLBACK")
    assert await spool.on_disk(events[-1].id, within=20.0)
    assert until(lambda: spool.trouble is None)
    assert kept(spool) == events


async def test_a_full_disk_is_waited_out(begin: Callable[[], Spool]) -> None:
    spool, events = begin(), some(3_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))  # no file of ours may grow beyond
    try:
        for event in events:
            spool.put(event)
        assert until(lambda: spool.trouble is not None)
        assert not await spool.on_disk(events[-1].id, within=0.1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await spool.on_disk(events[-1].id, within=20.0)
    assert until(lambda: spool.trouble is None)
    assert kept(spool) == events


async def test_a_folder_that_cannot_be_made_is_trouble_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    spool, (event,) = Spool(tmp_path / "spool" / "spool.db", "n1"), some()
    spool.start()
    assert spool.trouble is not None and "\n" not in spool.trouble
    spool.put(event)
    assert not await spool.on_disk(event.id, within=0.1)
    assert spool.take_case_number(DAY).startswith("20261124-n1-")
    (tmp_path / "spool").unlink()
    assert await spool.on_disk(event.id, within=20.0)
    assert until(lambda: spool.trouble is None)
    assert spool.take_case_number(DAY) == "20261124-n1-00001"
    assert spool.stop()


def test_a_spool_copied_elsewhere_can_be_read_while_it_is_written(
    begin: Callable[[], Spool], tmp_path: Path
) -> None:
    spool, (event,) = begin(), some()
    spool.put(event)
    assert until(lambda: len(kept(spool)) == 1)
    with sqlite3.connect(spool.path) as sql, sqlite3.connect(tmp_path / "copy.db") as copy:
        sql.backup(copy)
    shutil.move(tmp_path / "copy.db", tmp_path / "moved.db")
    assert kept(Spool(tmp_path / "moved.db", "n1")) == [event]
