"""The spool's file: SQLite, WAL, every commit synced. One writer; readers in any process.

event(row, id, at, data)   what happened on calls, in order; `at` = µs since 1970 when it was spooled
reserved(day, next)        the first case number of a day that is not reserved yet
code(slot, phone)          which telephone numbers (keyed digests) had which index of a code
meta(name, value)          spool: its id; key: of the digests; codes: the next index; first, born: `_first`
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from models.store.numbers import BLOCK, CODES, Slot, Wanted

_SCHEMA = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE event(
    row INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, at INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE reserved(day TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE code(slot INTEGER NOT NULL, phone BLOB NOT NULL, PRIMARY KEY(slot, phone)) WITHOUT ROWID;
"""
_BEYOND_A_DAMAGED_ONE = 20_000  # case numbers that a damaged spool may have given out in its last days
_CHECKED_WHOLE = 64 * 1024 * 1024  # bytes; a larger spool shows its damage when it is used
_SALVAGED_DAYS = 7
_SALVAGED_ROWS = 100_000

Row = tuple[bytes, int, bytes]  # id, at, data


def is_damage(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, sqlite3.Error) and code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class SpoolFile:
    """An open spool. Raises `sqlite3.Error` and `OSError` when the disk does not do its part."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._sql = sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)
        try:
            self._sql.execute("PRAGMA journal_mode=WAL")
            self._sql.execute("PRAGMA synchronous=FULL")
            self._make(path)
            self._look_over(path)
            self.id = self._meta("spool")
            self.key = bytes.fromhex(self._meta("key"))
        except BaseException:
            self._sql.close()
            raise

    def write(self, rows: Iterable[Row], wanted: Wanted) -> tuple[dict[date, range], list[Slot]]:
        """One synced transaction: codes noted, blocks reserved, events appended (known ids left alone)."""
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            self._sql.executemany("INSERT OR IGNORE INTO code(slot, phone) VALUES (?, ?)", wanted.given)
            days = {day: self._reserve(day) for day in wanted.days}
            slots = self._reserve_codes() if wanted.codes else []
            self._sql.executemany("INSERT OR IGNORE INTO event(id, at, data) VALUES (?, ?, ?)", rows)
            self._sql.execute("COMMIT")
        except BaseException:
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK")
            raise
        return days, slots

    def contains(self, event_id: bytes) -> bool:
        return self._sql.execute("SELECT 1 FROM event WHERE id = ?", (event_id,)).fetchone() is not None

    def close(self) -> None:
        self._sql.close()

    def _make(self, path: Path) -> None:
        self._sql.execute("BEGIN IMMEDIATE")
        if self._sql.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            for statement in _SCHEMA.split(";\n"):
                self._sql.execute(statement)
            before = len(list(path.parent.glob(f"{path.name}.damaged-*[0-9]")))
            values = {
                "spool": secrets.token_hex(8),
                "key": secrets.token_hex(32),
                "codes": "0",
                "first": str(1 + before * _BEYOND_A_DAMAGED_ONE),
                "born": datetime.now(UTC).date().isoformat(),
            }
            self._sql.executemany("INSERT INTO meta(name, value) VALUES (?, ?)", values.items())
        self._sql.execute("COMMIT")

    def _look_over(self, path: Path) -> None:
        """Raises an error of damage where a look shows it; a spool of ordinary size is checked whole."""
        if path.stat().st_size > _CHECKED_WHOLE:
            return
        verdict = self._sql.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            error = sqlite3.DatabaseError(verdict)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

    def _meta(self, name: str) -> str:
        row = self._sql.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if row is None:
            error = sqlite3.DatabaseError(f"no {name}")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        return str(row[0])

    def _reserve(self, day: date) -> range:
        query = (
            "INSERT INTO reserved(day, next) VALUES (?, ?) "
            "ON CONFLICT(day) DO UPDATE SET next = next + ? RETURNING next"
        )
        first = self._first(day)
        ((end,),) = self._sql.execute(query, (day.isoformat(), first + BLOCK, BLOCK)).fetchall()
        return range(end - BLOCK, end)

    def _first(self, day: date) -> int:
        """1; but near the day a damaged spool was replaced, beyond what the damaged one may have given."""
        born = date.fromisoformat(self._meta("born"))
        return 1 if day > born + timedelta(days=2) else int(self._meta("first"))

    def _reserve_codes(self) -> list[Slot]:
        start = int(self._meta("codes")) % CODES
        self._sql.execute("UPDATE meta SET value = ? WHERE name = 'codes'", (str(start + BLOCK),))
        taken: dict[int, list[bytes]] = {}
        query = "SELECT slot, phone FROM code WHERE slot >= ? AND slot < ?"
        for slot, phone in self._sql.execute(query, (start, start + BLOCK)):
            taken.setdefault(slot, []).append(phone)
        return [Slot(index, taken.get(index, ())) for index in range(start, start + BLOCK)]


def prune(sql: sqlite3.Connection, before: datetime, fed: int, most: int) -> int:
    """Deletes up to `most` of the oldest rows, spooled earlier than `before` and not beyond row `fed`."""
    oldest = "SELECT row FROM event ORDER BY row LIMIT ?"
    query = f"DELETE FROM event WHERE row IN ({oldest}) AND at < ? AND row <= ?"
    return sql.execute(query, (most, micros(before), fed)).rowcount


def micros(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def set_aside(path: Path) -> Path:
    """Moves a damaged spool (with its journal) to a name of its own beside it."""
    aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    for end in ("-wal", "-shm", ""):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(aside.with_name(aside.name + end))
    return aside


def salvage(aside: Path) -> list[Row]:
    """The events of the last days that can still be read from a damaged spool, in their order."""
    since = micros(datetime.now(UTC) - timedelta(days=_SALVAGED_DAYS))
    found: dict[int, Row] = {}
    for order in ("DESC", "ASC"):  # from both ends, each up to the damage
        try:
            sql = sqlite3.connect(aside, timeout=1.0)
        except sqlite3.Error:
            return []
        try:
            query = f"SELECT row, id, at, data FROM event WHERE at >= ? ORDER BY row {order} LIMIT ?"
            for row, event_id, at, data in sql.execute(query, (since, _SALVAGED_ROWS)):
                found[row] = (event_id, at, data)
        except (sqlite3.Error, OverflowError, UnicodeDecodeError):
            continue
        finally:
            sql.close()
    whole = (item for _, item in sorted(found.items()))
    return [row for row in whole if isinstance(row[0], bytes) and isinstance(row[2], bytes)]
