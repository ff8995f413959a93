"""After the load: every call is in the store, taken by an operator, and whole in sound."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select

from bench.load.block import Result
from config.settings import Settings
from ivr.work.feeding import fed
from models.calls import Call
from models.event import now
from models.store.engine import open_store
from models.words import Disposition
from recordings.cel import Cel
from recordings.reconcile import reconcile

WITHIN = 300.0  # s for the worker to catch up with the load


@dataclass(frozen=True)
class Account:
    calls: int
    recorded: int
    dispositions: dict[str, int]
    caught_up_after: float  # s

    @property
    def sentence(self) -> str:
        return (
            f"calls {self.calls}, recorded {self.recorded}, missing {self.calls - self.recorded}; "
            f"{self.dispositions}; store and sealing had caught up {self.caught_up_after:.0f} s after the last call"
        )


def account(settings: Settings, results: list[Result]) -> Account:
    """Waits for the worker, then compares Asterisk's own list with the store; what is wrong counts as failed."""
    made = sum(result.block.calls for result in results if result.block.side == "line")
    began = time.monotonic()
    store = open_store(settings.store_url)
    cel = Cel(settings.cel)
    try:
        while True:
            with store.reading() as session:
                behind = not fed(session, settings.spool, settings.node) or any(settings.raw.glob("*.raw"))
                found = Counter(session.scalars(select(Call.disposition)))
                whole = reconcile(session, cel.look(), raw=settings.raw, sealed=settings.sealed, now=now())
            if not behind or time.monotonic() - began > WITHIN:
                break
            time.sleep(0.5)
    finally:
        store.close()
    wrong = max(made - found[Disposition.ANSWERED], len(whole.missing), abs(made - whole.calls))
    last = next(result for result in reversed(results) if result.block.side == "line")
    if wrong:
        last.failed += wrong
        last.notes.append(f"account: {wrong}")
    kinds = {str(name): count for name, count in found.items()}
    return Account(whole.calls, whole.recorded, kinds, time.monotonic() - began)
