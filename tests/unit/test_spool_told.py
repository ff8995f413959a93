"""What the spool holds, read back by the process that comes after the one that wrote it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from models.event import happened
from models.store.spool import Spool
from models.store.told import told_since


def written(path: Path, *kinds: str) -> None:
    spool = Spool(path, "n1")
    spool.start()
    for kind in kinds:
        spool.put(happened("n1", "call:n1-1.1", kind))
    assert spool.stop()


def aged(path: Path, row: int, by: timedelta) -> None:
    with sqlite3.connect(path) as sql:
        sql.execute("UPDATE event SET at = at - ? WHERE row = ?", (int(by.total_seconds() * 1e6), row))


def test_in_the_order_in_which_it_was_spooled(tmp_path: Path) -> None:
    written(tmp_path / "spool.db", "A", "B", "C")
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert [event.kind for event in told_since(tmp_path / "spool.db", since)] == ["A", "B", "C"]


def test_beside_the_one_who_writes(tmp_path: Path) -> None:
    written(tmp_path / "spool.db", "A")
    spool = Spool(tmp_path / "spool.db", "n1")
    spool.start()
    assert [event.kind for event in told_since(spool.path, datetime.now(UTC) - timedelta(minutes=1))] == ["A"]
    spool.stop()


def test_a_clock_that_was_set_back_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    written(path, "A", "B", "C")
    aged(path, 3, timedelta(hours=1))
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert [event.kind for event in told_since(path, since)] == ["A", "B", "C"]


def test_what_is_long_ago_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    written(path, *["old"] * 3_000, "new")
    with sqlite3.connect(path) as sql:
        sql.execute("UPDATE event SET at = at - 3600000000 WHERE row <= 3000")
    told = told_since(path, datetime.now(UTC) - timedelta(minutes=1))
    assert told[-1].kind == "new" and len(told) < 1_500


def test_a_damaged_event_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    written(path, "A", "B", "C")
    with sqlite3.connect(path) as sql:
        sql.execute("UPDATE event SET data = x'00' WHERE row = 2")
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert [event.kind for event in told_since(path, since)] == ["A", "C"]


def test_a_spool_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_bytes(b"not a database" * 100)
    assert told_since(tmp_path / "spool.db", datetime.now(UTC)) == []
    assert told_since(tmp_path / "none.db", datetime.now(UTC)) == []
