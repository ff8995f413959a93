"""Asking the store from the line: in threads of its own, with a deadline and a default for every answer."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.store.engine import Store

log = structlog.get_logger()

Answer = TypeVar("Answer")
Default = TypeVar("Default")


@dataclass(frozen=True)
class _Question:
    read: Callable[[Session], Any]
    default: Any
    until: float  # monotonic; later nobody listens
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any] = field(compare=False)


class Lookup:
    """A stuck query holds one of `threads` threads; while all are stuck, every answer is the default."""

    def __init__(self, store: Store, threads: int = 4) -> None:
        self._store = store
        self._most = threads
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._open = 0  # questions that no thread has done with
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()

    async def ask(
        self, fn: Callable[[Session], Answer], default: Default, within: float = 0.3
    ) -> Answer | Default:
        """What `fn` reads from the store, or `default` when it fails or takes longer than `within` seconds.

        Never raises; an answer that comes late is dropped. `fn` runs in another thread: what it needs it gets as
        values, and what it returns must be loaded.
        """
        loop = asyncio.get_running_loop()
        question = _Question(fn, default, time.monotonic() + within, loop, loop.create_future())
        self._grow()
        self._questions.put(question)
        await asyncio.wait({question.future}, timeout=within)
        if question.future.done():
            return cast(Answer | Default, question.future.result())
        question.future.cancel()
        log.warning("lookup_late", within=within)
        return default

    def close(self) -> None:
        """Lets the threads end; one that is stuck does not hold up the process."""
        for _ in self._threads:
            self._questions.put(None)

    def _grow(self) -> None:
        """One thread more when none is free; daemons, since a stuck one must not keep the process alive."""
        with self._lock:
            self._open += 1
            if self._open > len(self._threads) and len(self._threads) < self._most:
                thread = threading.Thread(target=self._work, name="lookup", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _work(self) -> None:
        while True:
            question = self._questions.get()
            if question is None:
                return
            late = time.monotonic() >= question.until
            answer = question.default if late else self._answer(question)
            with self._lock:
                self._open -= 1
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                question.loop.call_soon_threadsafe(_set, question.future, answer)

    def _answer(self, question: _Question) -> Any:
        try:
            with self._store.reading() as session:
                if self._store.dialect == "postgresql":
                    left = max(1, int((question.until - time.monotonic()) * 1000))
                    session.execute(text(f"SET LOCAL statement_timeout = {left}"))
                return question.read(session)
        except Exception as error:  # whatever it is, the call goes on with the default
            log.warning("lookup_failed", error=type(error).__name__)
            return question.default


def _set(future: asyncio.Future[Any], answer: Any) -> None:
    if not future.done():
        future.set_result(answer)
