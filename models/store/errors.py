"""What the database may answer instead of doing its work, told apart by whether trying again can help."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from config.errors import Exit, Trouble
from config.language import _

# https://www.sqlite.org/rescode.html, primary codes (the low byte)
_SQLITE_CONFLICT = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_AWAY = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_PROTOCOL,
}
_SQLITE_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PG_CONFLICT = {"40001", "40P01", "55P03"}  # serialization, deadlock, lock not available
_PG_DAMAGED = {"XX001", "XX002"}
_PG_AWAY_CLASSES = {
    "08",
    "28",
    "3D",
    "53",
    "57",
    "58",
}  # connection, login, no database, resources, operator, system
_PG_OURS = {"57014"}  # a statement cancelled by its own time limit


class Retryable(Trouble):
    """Nothing was written; the same work may succeed when it is done again."""


class StoreAway(Retryable):
    """The database cannot be reached or cannot write (network, login, disk)."""


class Conflict(Retryable):
    """Another transaction came first (serialization, deadlock, lock)."""

    status = Exit.REFUSED


class StoreDamaged(Trouble):
    """The database file itself is broken: a person must restore it."""


def classify(error: BaseException) -> Trouble | None:
    """The trouble an exception of the database stands for; None when it is a bug or a broken constraint."""
    if isinstance(error, (StoreAway, Conflict, StoreDamaged)):
        return error
    if isinstance(error, PoolTimeout):
        return _away(_("连接都被占用"))
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite(error.orig)
    return _postgresql(error)


def _sqlite(error: sqlite3.Error) -> Trouble | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_CONFLICT:
        return conflict()
    if code in _SQLITE_AWAY:
        return _away(str(error))
    if code in _SQLITE_DAMAGED:
        return StoreDamaged(_("数据库文件已损坏：{reason}", reason=error))
    return None


def _postgresql(error: DBAPIError) -> Trouble | None:
    state = getattr(error.orig, "sqlstate", None)
    if state in _PG_CONFLICT:
        return conflict()
    if state in _PG_DAMAGED:
        return StoreDamaged(_("数据库文件已损坏：{reason}", reason=_first_line(error.orig)))
    if state in _PG_OURS:
        return _away(_("一条查询超过了时限"))
    if error.connection_invalidated or (state is not None and state[:2] in _PG_AWAY_CLASSES):
        return _away(_first_line(error.orig))
    if state is None and type(error).__name__ in ("OperationalError", "InterfaceError"):
        return _away(_first_line(error.orig))  # psycopg could not connect at all: there is no state
    return None


def conflict() -> Conflict:
    """The one sentence for whoever came second."""
    return Conflict(_("同一份资料刚被别人改动，请再做一次"))


def _away(reason: object) -> StoreAway:
    return StoreAway(_("数据库现在用不了：{reason}", reason=reason))


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
