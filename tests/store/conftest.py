"""A store for every test, on both databases: empty, with this program's schema.

PostgreSQL is one server for the whole session; its one database is emptied before each test.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from models.store.engine import Store, open_store
from models.store.migrate import head, upgrade
from models.tables import Base
from tests.postgresql import Postgresql, server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    with server() as running:
        yield running


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
