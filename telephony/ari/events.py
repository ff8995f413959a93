"""Events as the client hands them out: Asterisk's own, our two about the link, and those we do not know."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from telephony.ari._generated import models

log = structlog.get_logger()


class LinkUp(msgspec.Struct, frozen=True, kw_only=True):
    """The event socket is open. `again`: it was open before, and events in between are lost for good."""

    again: bool


class LinkLost(msgspec.Struct, frozen=True, kw_only=True):
    """The event socket is gone. `replaced`: another client took our application; we do not reconnect."""

    why: str
    replaced: bool = False


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a type that the api-docs do not have, or whose fields do not fit them; kept as it came."""

    type: str
    raw: dict[str, Any]


Event = models.AnyEvent | UnknownEvent
Message = Event | LinkUp | LinkLost

_decoder: msgspec.json.Decoder[models.AnyEvent] = msgspec.json.Decoder(models.AnyEvent)


def decode(text: bytes) -> Event | None:
    """One event from the socket. Nothing for text that is not a JSON object, which is logged."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        return _unknown(text, str(error))
    except msgspec.DecodeError:
        log.error("ari_event_not_json", length=len(text))
        return None


def _unknown(text: bytes, why: str) -> UnknownEvent | None:
    raw = msgspec.json.decode(text)
    if not isinstance(raw, dict):
        log.error("ari_event_not_an_object", length=len(text))
        return None
    event = UnknownEvent(type=str(raw.get("type", "")), raw=raw)
    # `why` names the field and the type met, never the value
    log.warning("ari_event_unknown", type=event.type, why=why)
    return event
