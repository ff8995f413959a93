"""Which request does what. Statuses and words are those of Asterisk 22.10.1 (measured)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from telephony.fake import request_bridges, request_channels, request_others
from telephony.fake.refusal import Refusal

if TYPE_CHECKING:
    from telephony.fake.asterisk import FakeAsterisk

TABLE: dict[tuple[str, str], Callable[..., object]] = {
    **request_channels.TABLE,
    **request_bridges.TABLE,
    **request_others.TABLE,
}
_patterns = [
    (method, re.compile(re.sub(r"\{\w+\}", "([^/]+)", path) + "$"), handler)
    for (method, path), handler in TABLE.items()
]


def carry_out(
    world: FakeAsterisk, method: str, path: str, query: dict[str, str], body: dict[str, Any]
) -> object:
    """The result of a request, None for 204. Raises Refusal.

    A handler is called with the world, the parts of the path in order, and query and body by keyword.
    """
    for expected, pattern, handler in _patterns:
        if expected == method and (match := pattern.match(path)):
            parts = [unquote(part) for part in match.groups()]
            return handler(world, *parts, **query, **body)
    raise Refusal(404, "Resource not found")
