"""Calls that only Asterisk tells of get their events, and with them their row and their case."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from config.city.model import City
from config.settings import Settings
from ivr.work.accounting import WINDOW
from ivr.work.feeding import fed
from models.event import Event, now
from models.store.engine import Store
from models.store.numbers import Numbers
from models.store.plain import encoded
from models.store.spool_file import SpoolFile, micros
from recordings.cel import Cel
from recordings.found import Untold, tell, untold

log = structlog.get_logger()


class Finding:
    """`tick` spools what the line did not tell; an event found twice is one event."""

    def __init__(self, settings: Settings, city: City, store: Store, cel: Cel) -> None:
        self._settings = settings
        self._city = city
        self._store = store
        self._cel = cel

    def tick(self) -> int:
        """How many calls were found. Raises what the store raises, and `sqlite3.Error` for the spool."""
        at = now()
        seen = [each for each in self._cel.look() if each.at >= at - WINDOW]
        with self._store.reading() as session:
            if not fed(session, self._settings.spool, self._settings.node):
                return 0  # the line may have told it: its word comes first
            found = untold(session, seen, at)
        if found:
            self._spool(found)
        for one in found:
            log.warning("call_found", call=one.seen.call, start=one.start, end=one.end, case=one.case)
        return len(found)

    def _spool(self, found: Iterable[Untold]) -> None:
        """Straight into the spool's file: its thread is the line's, and so is mending a damaged spool."""
        node = self._settings.node
        today = datetime.now(ZoneInfo(self._settings.timezone)).date()
        with contextlib.closing(SpoolFile(self._settings.spool)) as file:
            numbers = Numbers(node)
            numbers.begin(file.key)
            numbers.want(today)
            _write(file, numbers, [])

            def name_case(phone: str) -> tuple[str, str]:
                return numbers.take_case_number(today, 0.0), numbers.take_code(phone)

            events = [
                event for one in found for event in tell(one, node, self._city.supervisor.id, name_case)
            ]
            _write(file, numbers, events)


def _write(file: SpoolFile, numbers: Numbers, events: list[Event]) -> None:
    wanted = numbers.wanted()
    rows = [(event.id.bytes, micros(now()), encoded(event)) for event in events]
    numbers.settle(wanted, *file.write(rows, wanted))
