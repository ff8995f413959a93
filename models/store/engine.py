"""The store: one database, SQLite or PostgreSQL, by the same code and with the same meaning.

Writing is serial on both: SQLite by `BEGIN IMMEDIATE`, PostgreSQL by SERIALIZABLE, where a loser gets a
`Conflict` and may be done again (`models.store.retry.retrying`). Reading sees one snapshot and cannot write.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from config.errors import BadSettings
from config.language import _
from models.store.errors import StoreAway, classify

Dialect = Literal["sqlite", "postgresql"]

BUSY_MS = 10_000  # how long a writer waits for the one before it
STATEMENT_MS = 60_000  # no statement of ours is meant to take longer
CONNECT_S = 5


class Store:
    """Made by `open_store`. Safe to share between threads; every `with` block has a session of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect: Dialect = "sqlite" if engine.dialect.name == "sqlite" else "postgresql"
        self._readers = engine.execution_options(reading=True, **_snapshot(self.dialect))

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A unit of work: committed at the end of the block, rolled back by an exception.

        Raises `Conflict`, `StoreAway` (both `Retryable`: nothing was written) or `StoreDamaged`; a broken
        constraint is SQLAlchemy's `IntegrityError`. Objects stay readable after the block.
        """
        with _translated(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A snapshot to read from; what was loaded stays readable after it. Raises like `transaction`."""
        with _translated(), Session(self._readers, autoflush=False) as session:
            yield session

    def check(self) -> None:
        """Raises `StoreAway` or `StoreDamaged` when the database does not answer."""
        with self.reading() as session:
            session.execute(text("SELECT 1"))
            if self.dialect == "sqlite":
                session.execute(text("SELECT count(*) FROM sqlite_master"))

    def close(self) -> None:
        self.engine.dispose()


def open_store(url: str) -> Store:
    """The store at a SQLAlchemy URL (`sqlite:////path/file.db`, `postgresql://user:password@host/database`).

    Connects only when first used. Makes an SQLite file and its directory.
    Raises `BadSettings` for a URL that is neither, `StoreAway` when the file cannot be made.
    """
    parsed = _parse(url)
    engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    return Store(engine)


def encode_json(value: Any) -> str:
    """How JSON is written in the store: compact and always the same for the same value."""
    return msgspec.json.encode(value).decode()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise BadSettings(_("数据库地址看不懂；应为 sqlite:/// 或 postgresql:// 开头")) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise BadSettings(_("数据库地址看不懂；应为 sqlite:/// 或 postgresql:// 开头"))


def _sqlite(url: URL) -> Engine:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # what citizens said is nobody else's business
    except OSError as error:
        raise StoreAway(_("数据库现在用不了：{reason}", reason=error)) from None
    engine = create_engine(
        url,
        json_serializer=encode_json,
        json_deserializer=msgspec.json.decode,
        hide_parameters=True,  # telephone numbers must not reach a log by way of an error
        connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000},
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: it would begin them too late, and deferred.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("migrating"):  # tables are rebuilt by copying: no cascades meanwhile
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        reading = bool(options.get("reading"))
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    limits = f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={BUSY_MS} -c timezone=UTC"
    options = " ".join(part for part in (str(url.query.get("options", "")), limits) if part)
    return create_engine(
        url,
        isolation_level="SERIALIZABLE",
        json_serializer=encode_json,
        json_deserializer=msgspec.json.decode,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=CONNECT_S,
        connect_args={
            "connect_timeout": CONNECT_S,
            "options": options,
            "application_name": "minsheng",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        },
    )


def _snapshot(dialect: Dialect) -> dict[str, Any]:
    if dialect == "sqlite":
        return {}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        trouble = classify(error)
        if trouble is None:
            raise
        raise trouble from error
