"""Who an event belongs to: channels, playbacks and recordings are registered before the request that makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from telephony.ari._generated import models as ari

log = structlog.get_logger()

Deliver = Callable[[ari.Event], None]


class Resident(Protocol):
    """What has a channel, and can be told what became of it while no event came."""

    @property
    def awaited(self) -> list[str]:
        """Keys of what Asterisk has begun for it and whose end it waits for."""

    @property
    def settled(self) -> bool:
        """Whether Asterisk must know its channel by now."""

    def missed(self, channel: ari.Channel | None, ours: bool) -> None:
        """How Asterisk shows the channel: gone, or there and (not) in our application."""

    async def catch_up(self, keys: list[str]) -> None:
        """Learn from Asterisk itself whether these have ended."""


class Router:
    """Hands each event, in order, to the mailbox of what it is about.

    Registered before the request is sent, since `StasisStart` may arrive before the reply.
    """

    def __init__(self) -> None:
        self._boxes: dict[str, Deliver] = {}
        self._residents: dict[str, Resident] = {}

    def register(self, key: str, deliver: Deliver, resident: Resident | None = None) -> None:
        """`key` is a channel id (of `resident`), `playback:<id>` or `recording:<name>`."""
        self._boxes[key] = deliver
        if resident is not None:
            self._residents[key] = resident

    def forget(self, key: str) -> None:
        self._boxes.pop(key, None)
        self._residents.pop(key, None)

    @property
    def residents(self) -> dict[str, Resident]:
        """Who has which channel now."""
        return dict(self._residents)

    def knows(self, key: str) -> bool:
        return key in self._boxes

    def dispatch(self, event: ari.Event) -> bool:
        """True when somebody took the event. A fault in one mailbox stops at that mailbox."""
        deliver = next((self._boxes[key] for key in keys_of(event) if key in self._boxes), None)
        if deliver is None:
            return False
        try:
            deliver(event)
        except Exception:
            log.exception("mailbox_fault", event_type=type(event).__name__)
        return True


def keys_of(event: ari.Event) -> list[str]:
    """What an event is about, the most particular first."""
    keys: list[str] = []
    for attribute, prefix, name in (
        ("playback", "playback:", "id"),
        ("recording", "recording:", "name"),
        ("channel", "", "id"),
        ("peer", "", "id"),
    ):
        thing = getattr(event, attribute, None)
        identity = getattr(thing, name, None) if thing is not None else None
        if isinstance(identity, str) and identity:
            keys.append(prefix + identity)
    return keys
