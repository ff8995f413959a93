"""The spool keeps what happened, whatever the disk does."""

from __future__ import annotations

import resource
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.code import valid
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


def test_numbers_are_counted_by_day_and_node(begin: Callable[[], Spool]) -> None:
    spool = begin()
    assert [spool.take_case_number(DAY) for _ in range(3)] == [f"20261124-n1-0000{n}" for n in (1, 2, 3)]
    assert spool.take_case_number(DAY + timedelta(days=1)) == "20261125-n1-00001"
    assert spool.take_case_number(DAY) == "20261124-n1-00004"


def test_a_restart_leaves_a_gap_and_repeats_nothing(begin: Callable[[], Spool]) -> None:
    numbers: list[str] = []
    codes: list[str] = []
    for _ in range(3):
        spool = begin()
        numbers += [spool.take_case_number(DAY) for _ in range(10)]
        codes += [spool.take_code("13900000000") for _ in range(10)]
        spool.stop()
    assert len(set(numbers)) == 30 and len(set(codes)) == 30


def test_after_a_million_codes_a_number_still_gets_none_twice(begin: Callable[[], Spool]) -> None:
    codes: list[str] = []
    for _ in range(2):
        spool = begin()
        with sqlite3.connect(spool.path) as sql:
            sql.execute("UPDATE meta SET value = '999000' WHERE name = 'codes'")
        spool.stop()
        spool = begin()
        codes += [spool.take_code("13900000000") for _ in range(400)]
        spool.stop()
    assert len(set(codes)) == len(codes) == 800


def test_telephone_numbers_are_kept_as_keyed_digests_only(begin: Callable[[], Spool]) -> None:
    spool = begin()
    spool.take_code("13905990110")
    assert spool.stop()
    assert b"13905990110" not in spool.path.read_bytes()
    with sqlite3.connect(spool.path) as sql:
        assert sql.execute("SELECT count(*) FROM code").fetchone() == (1,)
    assert spool.path.stat().st_mode & 0o077 == 0


def test_killed_at_any_moment_nothing_promised_is_lost_and_no_number_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    program = textwrap.dedent("""
        import asyncio, sys
        from datetime import date
        from pathlib import Path
        from models.event import happened
        from models.store.spool import Spool

        async def main():
            spool = Spool(Path(sys.argv[1]), "n1")
            spool.start()
            while True:
                number = spool.take_case_number(date(2026, 11, 24))
                code = spool.take_code("13900000000")
                event = happened("n1", f"case:{number}", "CaseOpened", code=code)
                spool.put(event)
                if await spool.on_disk(event.id, within=10.0):
                    print(event.id, number, code, flush=True)

        asyncio.run(main())
    """)
    said: list[list[str]] = []
    for lines in (1, 17, 60):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(lines):
            said.append(child.stdout.readline().split())
        child.kill()
        said += [line.split() for line in child.stdout.read().splitlines() if line.count(" ") == 2]
        child.wait()
        child.stdout.close()
    spool = Spool(path, "n1")
    spool.start()
    there = {str(event.id) for event in kept(spool)}
    assert spool.stop()
    ids, numbers, codes = zip(*said, strict=True)
    assert set(ids) <= there
    assert len(set(numbers)) == len(numbers) and len(set(codes)) == len(codes)


def garbage(path: Path) -> None:
    path.write_bytes(b"\x00garbage" * 1_000)


def truncated(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 + 13])


def scratched(path: Path) -> None:
    """One page in the middle is nonsense."""
    data = bytearray(path.read_bytes())
    pages = len(data) // 4096
    data[4096 * (pages // 2) : 4096 * (pages // 2) + 4096] = b"\xff" * 4096
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [garbage, truncated, scratched])
def test_a_damaged_spool_is_set_aside_and_a_new_one_begun(
    begin: Callable[[], Spool], harm: Callable[[Path], None]
) -> None:
    spool, events = begin(), some(400)
    for event in events:
        spool.put(event)
    numbers = {spool.take_case_number(datetime.now(UTC).date()) for _ in range(10)}
    assert spool.stop()
    harm(spool.path)
    spool = begin()
    (event,) = some()
    spool.put(event)
    numbers |= {spool.take_case_number(datetime.now(UTC).date()) for _ in range(10)}
    assert spool.stop()
    assert spool.trouble is None and len(numbers) == 20
    aside = [path.name for path in spool.path.parent.iterdir() if ".damaged-" in path.name]
    assert aside
    now = kept(spool)
    assert now[-1] == event
    (fault,) = (one for one in now if one.kind == "LineFault")
    assert fault.body["what"] == "spool_damaged" and fault.body["set_aside"] in aside
    carried = [one for one in now if one in events]
    assert carried == [one for one in events if one in carried]  # in their order
    assert len(carried) == fault.body["carried_over"]
    if harm is scratched:
        assert len(carried) > 100


async def test_a_spool_damaged_while_it_runs_is_replaced(begin: Callable[[], Spool]) -> None:
    spool, events = begin(), some(400)
    for event in events[:200]:
        spool.put(event)
    assert await spool.on_disk(events[199].id, within=10.0)
    with sqlite3.connect(spool.path) as sql:
        sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    garbage(spool.path)
    for event in events[200:]:
        spool.put(event)
    assert await spool.on_disk(events[-1].id, within=20.0)
    assert spool.stop()
    assert {one.id for one in events[200:]} <= {one.id for one in kept(spool)}


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
