"""The spool: what happened on calls, safe on this machine's disk before it goes to the store.

`put` hands an event to the writer thread and returns at once. The thread commits all that has gathered in one
synced transaction (group commit). When the disk fails, events wait in memory, the thread tries again with
growing pauses, and `trouble` says so. A damaged spool is set aside under another name, what can be read of its
last days is carried into a new one, and the fault becomes an event itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog

from config.language import _
from models.event import Event, happened
from models.kinds import LINE_FAULT
from models.store.errors import StoreAway
from models.store.numbers import Numbers
from models.store.plain import encoded
from models.store.spool_file import Row, SpoolFile, is_damage, micros, salvage, set_aside
from models.store.told import told_since

log = structlog.get_logger()

GROUP = 2_000  # events of one transaction at most
PATIENCE = 0.05  # s that a case number of a day never met before may take
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # s

Job = Callable[[SpoolFile], None]


class Spool:
    """The writing end; one per node, in the line. `trouble`: a sentence while the disk fails, else None."""

    def __init__(self, path: Path, node: str) -> None:
        self.path = path
        self.trouble: str | None = None
        self._node = node
        self._numbers = Numbers(node)
        self._wake = threading.Condition()
        self._pending: dict[bytes, Row] = {}  # put, not yet on disk; in order
        self._waiting: dict[bytes, list[Callable[[bool], None]]] = {}
        self._jobs: deque[Job] = deque()
        self._stopping = False
        self._file: SpoolFile | None = None
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        """Opens the file, reserves the first numbers, starts the writer. Never raises: see `trouble`."""
        today = datetime.now(UTC).date()
        for day in (today, today + timedelta(days=1)):
            self._numbers.want(day)
        try:
            self._write([])
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
        self._thread.start()

    def stop(self, within: float = 5.0) -> bool:
        """Writes what is left and ends; False if that took longer than `within` seconds (events are lost)."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread.ident is not None:
            self._thread.join(within)
        if self._pending:
            log.error("spool_left_unwritten", events=len(self._pending))
        return not self._pending and not self._thread.is_alive()

    def put(self, event: Event) -> None:
        """Spools an event; one with a known id is ignored. Never blocks, never raises."""
        key = event.id.bytes
        row = (key, micros(datetime.now(UTC)), encoded(event))
        with self._wake:
            self._pending.setdefault(key, row)
            self._wake.notify()

    async def on_disk(self, event_id: UUID, within: float) -> bool:
        """Whether the event is on disk; waits for it up to `within` seconds."""
        return bool(await self._answer(event_id, within, wait=True))

    async def holds(self, event_id: UUID, within: float) -> bool | None:
        """Whether an event was ever put here, without stalling the loop; None when the disk did not say so
        within so many seconds."""
        return await self._answer(event_id, within, wait=False)

    def contains(self, event_id: UUID) -> bool:
        """Like `holds`, but reads the disk in the calling thread. Raises `StoreAway` when that fails."""
        with self._wake:
            if event_id.bytes in self._pending:
                return True
        try:
            with contextlib.closing(
                sqlite3.connect(self.path.absolute().as_uri() + "?mode=rw", uri=True)
            ) as sql:
                found = sql.execute("SELECT 1 FROM event WHERE id = ?", (event_id.bytes,)).fetchone()
        except sqlite3.Error as error:
            raise StoreAway(_("本机事件簿读不了：{reason}", reason=error)) from None
        return found is not None

    async def told_since(self, since: datetime) -> list[Event]:
        """What was spooled since then, also by the process before this one (`told.told_since`)."""
        return await asyncio.to_thread(told_since, self.path, since)

    def take_case_number(self, day: date) -> str:
        """`YYYYMMDD-<node>-NNNNN`, never given twice. Say it only when its event is on disk."""
        number = self._numbers.take_case_number(day, 0.0 if self._ready(day) else PATIENCE)
        self._nudge()
        return number

    def take_code(self, phone: str) -> str:
        """Seven digits (`models.code`), never the same twice for one telephone number."""
        code = self._numbers.take_code(phone)
        self._nudge()
        return code

    def expect(self, day: date) -> None:
        """Numbers of this day and the next will be wanted: reserved beforehand, so that nobody waits for them."""
        for near in (day, day + timedelta(days=1)):
            if not self._numbers.reserved_for(near):
                self._numbers.want(near)
                self._nudge()

    async def _answer(self, event_id: UUID, within: float, *, wait: bool) -> bool | None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()

        def settle(there: bool) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(_set, future, there)

        key = event_id.bytes
        with self._wake:
            if key in self._pending:
                if not wait:
                    return True
                self._waiting.setdefault(key, []).append(settle)
            else:
                self._jobs.append(lambda file: settle(file.contains(key)))
                self._wake.notify()
        await asyncio.wait({future}, timeout=within)
        if future.done():
            return future.result()
        future.cancel()
        return None

    def _ready(self, day: date) -> bool:
        """False when waiting a moment for a block can help."""
        if self._numbers.reserved_for(day) or self.trouble or not self._thread.is_alive():
            return True
        self._numbers.want(day)
        self._nudge()
        return False

    def _nudge(self) -> None:
        with self._wake:
            self._wake.notify()

    # The writer thread.

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while self._something_to_do():
            try:
                with self._wake:
                    batch = list(itertools.islice(self._pending.values(), GROUP))
                self._write(batch)
                self._do_jobs()
                pause = _FIRST_PAUSE
            except Exception as error:  # whatever it is: this thread must not end while there are events
                self._failed(error)
                with self._wake:
                    if self._stopping:
                        break
                    self._wake.wait_for(lambda: self._stopping, timeout=pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        self._close()

    def _something_to_do(self) -> bool:
        with self._wake:
            while not (self._pending or self._jobs or self._numbers.wanted()):
                if self._stopping:
                    return False
                self._wake.wait()
            return True

    def _write(self, batch: list[Row]) -> None:
        file = self._opened()
        wanted = self._numbers.wanted()
        if batch or wanted:
            days, slots = file.write(batch, wanted)
            self._numbers.settle(wanted, days, slots)
            with self._wake:
                done = [settle for key, *_ in batch for settle in self._waiting.pop(key, ())]
                for key, *_rest in batch:
                    del self._pending[key]
            for settle in done:
                settle(True)
        if self.trouble is not None:
            log.info("spool_writes_again")
            self.trouble = None

    def _do_jobs(self) -> None:
        with self._wake:
            jobs, self._jobs = self._jobs, deque()
        while jobs:
            try:
                jobs[0](self._opened())
            except BaseException:
                with self._wake:
                    self._jobs.extendleft(reversed(jobs))
                raise
            jobs.popleft()

    def _opened(self) -> SpoolFile:
        if self._file is None:
            try:
                self._file = SpoolFile(self.path)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                self._file = self._replaced()
            self._numbers.begin(self._file.key)
        return self._file

    def _replaced(self) -> SpoolFile:
        aside = set_aside(self.path)
        rows = salvage(aside)
        log.error("spool_damaged", set_aside=aside.name, events_carried_over=len(rows))
        fault = happened(
            self._node,
            f"line:{self._node}",
            LINE_FAULT,
            what="spool_damaged",
            set_aside=aside.name,
            carried_over=len(rows),
        )
        rows.append((fault.id.bytes, micros(fault.at), fault.encode()))
        with self._wake:  # first of all that waits: they happened before
            self._pending = {row[0]: row for row in (*rows, *self._pending.values())}
        return SpoolFile(self.path)

    def _failed(self, error: Exception) -> None:
        if self.trouble is None:
            log.error("spool_cannot_write", reason=str(error))
        self.trouble = _("本机事件簿写不进磁盘（{reason}）；事件暂存在内存里，正在重试", reason=error)
        damaged = is_damage(error)
        self._close()
        if damaged and self.path.exists():
            with contextlib.suppress(sqlite3.Error, OSError):
                self._file = self._replaced()
                self._numbers.begin(self._file.key)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(sqlite3.Error):
                file.close()


def _set(future: asyncio.Future[bool], there: bool) -> None:
    if not future.done():
        future.set_result(there)
