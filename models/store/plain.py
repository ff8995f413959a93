"""An event as bytes, whatever its body holds: what happened is never refused for its form."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from models.event import Event

log = structlog.get_logger()


def encoded(event: Event) -> bytes:
    """The event's JSON; what JSON cannot hold is written as the text Python shows for it."""
    try:
        return event.encode()
    except Exception as error:  # whatever an odd body raises, the event is kept
        log.error("event_body_is_not_json", kind=event.kind, id=str(event.id), error=type(error).__name__)
    return msgspec.structs.replace(
        event,
        node=_text(event.node),
        stream=_text(event.stream),
        kind=_text(event.kind),
        body=_plain(event.body),
    ).encode()


def _plain(value: Any, depth: int = 0) -> Any:
    if isinstance(value, dict) and depth < 8:
        return {_text(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) and depth < 8:
        return [_plain(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    return _text(value)


def _text(value: Any) -> str:
    try:
        return str(value).encode("utf-8", "replace").decode()
    except Exception:  # an object that cannot even be shown
        return f"<{type(value).__name__}>"
