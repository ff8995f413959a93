"""Every minute: calls N, recorded N, missing 0. What is wrong is an alarm in the log, and once an event."""

from __future__ import annotations

from datetime import timedelta

import structlog

from config.settings import Settings
from ivr.work.feeding import fed
from models.event import now
from models.store.engine import Store
from models.store.retry import retrying
from recordings.cel import Cel
from recordings.reconcile import Reconciled, reconcile
from recordings.seal import tell_failure

log = structlog.get_logger()

WINDOW = timedelta(hours=26)  # a day, and the longest call over midnight


class Accounting:
    """`tick` reconciles the last day; nothing is repaired here, a person is told."""

    def __init__(self, settings: Settings, store: Store, cel: Cel) -> None:
        self._settings = settings
        self._store = store
        self._cel = cel
        self._counted = (-1, -1)

    def tick(self) -> Reconciled | None:
        """The account, or None while the store is behind the spool: then nothing can be said."""
        at = now()
        self._cel.forget(at - WINDOW)
        seen = [each for each in self._cel.look() if each.at >= at - WINDOW]
        with self._store.reading() as session:
            if not fed(session, self._settings.spool, self._settings.node):
                return None
            account = reconcile(
                session,
                seen,
                raw=self._settings.raw,
                sealed=self._settings.sealed,
                now=at,
                damaged=self._cel.damaged,
            )
        for wrong in account.missing:
            log.error("call_not_whole", call=wrong.call, channel=wrong.channel, why=wrong.why.value)
            self._tell(wrong.call, wrong.channel, wrong.why.value)
        for call, length in account.doubtful.items():
            if self._tell(call, call, f"length_{length.value}"):
                log.error("recording_length", call=call, length=length.value)
        counted = account.calls, len(account.missing)
        if counted != self._counted:
            log.info("reconciled", calls=account.calls, recorded=account.recorded, missing=counted[1])
        self._counted = counted
        return account

    def _tell(self, call: str, channel: str, why: str) -> bool:
        node = self._settings.node
        return retrying(self._store, lambda session: tell_failure(session, node, call, channel, why))
