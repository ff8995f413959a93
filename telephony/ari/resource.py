"""What every generated resource is built on: one operation of the REST interface, asked and decoded."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import quote

import msgspec

from telephony.ari.errors import Malformed, Unreachable, refusal
from telephony.ari.transport import Broken, Transport

T = TypeVar("T")


class Resource:
    """A group of operations (`client.channels`, `client.bridges`, …)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def _ask(
        self,
        returns: type[T],
        method: str,
        pattern: str,
        path: Sequence[str] = (),
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> T:
        """Carry out an operation and decode what it returns. Raises AriError."""
        content = await self._do(method, pattern, path, query, body)
        if returns is bytes:
            return cast(T, content)
        try:
            return cast(T, _decoder(cast(Hashable, returns)).decode(content))
        except msgspec.MsgspecError as error:
            # msgspec names the field and the type it met, not the value: safe to say
            raise Malformed(f"{method} {pattern}", str(error)) from None

    async def _do(
        self,
        method: str,
        pattern: str,
        path: Sequence[str] = (),
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Carry out an operation; the raw answer. `path` fills the pattern's {names} in order."""
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        content = {name: value for name, value in (body or {}).items() if value is not None}
        try:
            status, answer = await self._transport.request(
                method, _filled(pattern, path), given, msgspec.json.encode(content) if content else None
            )
        except Broken as error:
            raise Unreachable(f"{method} {pattern}", str(error)) from None
        if 200 <= status < 300:
            return answer
        raise refusal(f"{method} {pattern}", status, _said(answer))


def _filled(pattern: str, path: Sequence[str]) -> str:
    parts = iter(path)
    steps = (quote(next(parts), safe="") if step.startswith("{") else step for step in pattern.split("/"))
    return "/".join(steps)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    return str(value)


def _said(answer: bytes) -> str:
    """Asterisk's own word for the refusal: `{"message": …}`, for 500 also `{"error": …}`."""
    try:
        told = msgspec.json.decode(answer)
    except msgspec.MsgspecError:
        return ""
    return str(told.get("message") or told.get("error") or "") if isinstance(told, dict) else ""


@functools.cache
def _decoder(returns: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(returns)
