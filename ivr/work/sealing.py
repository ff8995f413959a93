"""What the recorder has closed is sealed at once; what it still writes is seen to grow."""

from __future__ import annotations

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

import structlog

from config.settings import Settings
from models.store.bus import Bell
from models.store.engine import Store
from models.store.retry import retrying
from recordings.cel import Cel
from recordings.growth import Growth, Stall
from recordings.held import open_files
from recordings.seal import Sealer, tell_failure

log = structlog.get_logger()

_ORPHANS_EVERY = 30.0  # s


class Sealing:
    """A step seals every closed file, and now and then those whose recorder died."""

    def __init__(
        self, settings: Settings, store: Store, bell: Bell, cel: Cel, changed: Callable[[], None]
    ) -> None:
        self._bell = bell
        self._changed = changed
        self._cel = cel
        self._orphans_at = time.monotonic() + _ORPHANS_EVERY
        self._sealer = Sealer(
            store,
            settings.raw,
            settings.sealed,
            settings.node,
            ZoneInfo(settings.timezone),
            call_of=cel.call_of,
        )

    def step(self) -> bool:
        sealed = self._sealer.step()
        if time.monotonic() >= self._orphans_at:
            sealed += self._sealer.orphans()
            self._orphans_at = time.monotonic() + _ORPHANS_EVERY
        for call in dict.fromkeys(self._cel.call_of(channel) for channel in sealed):
            self._bell.ring("calls", call)
        if sealed:
            self._changed()
        return False

    def drained(self) -> bool:
        """Seals what is closed; True when nothing is left."""
        self.step()
        return not self._sealer.closed()


class Watching:
    """A step looks at the live files; a stall is an alarm and an event, and so is the gap when it ends."""

    def __init__(self, settings: Settings, store: Store, cel: Cel) -> None:
        self._store = store
        self._node = settings.node
        self._cel = cel
        self._untold: list[Stall] = []
        self._growth = Growth(settings.raw, open_files)

    def step(self) -> bool:
        self._untold += self._growth.look(time.monotonic())
        while self._untold:
            self._tell(self._untold[0])
            self._untold.pop(0)
        return False

    def _tell(self, stall: Stall) -> None:
        call = self._cel.call_of(stall.channel)
        why = "stalled" if stall.gap is None else "grows_again"
        more: dict[str, float] = {"bytes": stall.bytes}
        if stall.gap is None:
            log.error("recording_does_not_grow", channel=stall.channel, bytes=stall.bytes)
        else:
            log.warning("recording_grows_again", channel=stall.channel, gap=stall.gap)
            more["gap"] = stall.gap
        retrying(
            self._store,
            lambda session: tell_failure(session, self._node, call, stall.channel, why, **more),
        )
