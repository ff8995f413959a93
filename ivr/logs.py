"""Logs of every process: one line of JSON each (or coloured text on a terminal), without personal content.

Telephone numbers, addresses and transcripts never reach a log (DESIGN 8): fields with such names are masked,
and so is any run of digits as long as a telephone number in any other text, a traceback included.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

MASK = "***"

_SECRET = re.compile(
    r"^(phone|number|caller|callee|citizen|dialled|text|raw_text|words|transcript|summary|place|address"
    r"|password|secret|token|authorization|code|digits?|answers?|body|params)$|_(phone|text|secret|password)$"
)
# A telephone number standing by itself; ids (n1-1732450000.12, UUIDs, case numbers) hang together by - . _
_PHONE = re.compile(r"(?<![\w.\-])\+?\d{7,15}(?![\w\-]|\.\d)")


def configure(process: str, *, level: int = logging.INFO, terminal: bool | None = None) -> None:
    """Sets up structlog and the standard `logging` (libraries) to write to stderr; `process` is in each line.

    `terminal` None: text for people where stderr is a terminal, else JSON lines.
    """
    people = sys.stderr.isatty() if terminal is None else terminal
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(process),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact,
    ]
    last: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=True)
        if people
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # APScheduler tells every run of every job, aiohttp every request: not news.
    for noisy in ("apscheduler", "aiohttp.access", "alembic", "numba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def redact(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: masks personal fields, and numbers in any text."""
    for field, value in entry.items():
        entry[field] = MASK if _SECRET.search(field) and value not in (None, "") else _clean(value)
    return entry


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _PHONE.sub(MASK, value)
    if isinstance(value, Mapping):
        return {key: MASK if _SECRET.search(str(key)) else _clean(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(inner) for inner in value]
    return value


def _naming(process: str) -> structlog.types.Processor:
    def name(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        entry["process"] = process
        return entry

    return name
