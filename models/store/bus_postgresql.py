"""The doorbell between machines: PostgreSQL's LISTEN and NOTIFY."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import queue
import threading
from collections.abc import Callable

import psycopg
import structlog
from sqlalchemy.engine import make_url

log = structlog.get_logger()

CHANNEL = "minsheng"
_LARGEST = 7_900  # bytes; PostgreSQL's limit is 8,000
_WAITING = 1_000  # rings kept while the database is slow; more are dropped
_PAUSE = 2.0  # s before connecting again


def address(url: str) -> str:
    """The connection string of a SQLAlchemy URL."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class Notifier:
    """Rings from a thread with a connection of its own."""

    def __init__(self, url: str) -> None:
        self._address = address(url)
        self._messages: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def ring(self, message: str) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()
                atexit.register(self.close)  # a command that ends at once still rings
        with contextlib.suppress(queue.Full):
            self._messages.put_nowait(_fitting(message))

    def close(self) -> None:
        with contextlib.suppress(queue.Full):
            self._messages.put_nowait(None)
        if self._thread is not None:
            atexit.unregister(self.close)
            self._thread.join(1.0)

    def _run(self) -> None:
        connection: psycopg.Connection | None = None
        while (message := self._messages.get()) is not None:
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(self._address, autocommit=True, connect_timeout=5)
                connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, message))
            except psycopg.Error as error:  # a lost ring costs the listener one poll
                log.warning("bell_not_rung", error=type(error).__name__)
                if connection is not None:
                    connection.close()
        if connection is not None:
            connection.close()


class PostgresqlEar:
    """Listens in a task; after a lost connection it connects again."""

    def __init__(self, url: str) -> None:
        self._address = address(url)
        self._task: asyncio.Task[None] | None = None

    async def open(self, heard: Callable[[str], None]) -> None:
        """Returns when it listens, or after the first failure (it goes on trying)."""
        tried = asyncio.Event()
        self._task = asyncio.create_task(self._listen(heard, tried))
        await tried.wait()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _listen(self, heard: Callable[[str], None], tried: asyncio.Event) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._address, autocommit=True, connect_timeout=5
                )
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    tried.set()
                    async for notice in connection.notifies():
                        heard(notice.payload)
            except psycopg.Error as error:
                log.warning("bell_not_heard", error=type(error).__name__)
            tried.set()
            await asyncio.sleep(_PAUSE)


def _fitting(message: str) -> str:
    clean = message.replace("\x00", "").encode("utf-8", "replace")
    return clean[:_LARGEST].decode("utf-8", "ignore")
