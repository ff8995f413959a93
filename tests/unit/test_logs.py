"""No telephone number, no transcript and no secret reaches a log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from ivr import logs

PHONE = "13905990000"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What a process writes to its log."""
    root = logging.getLogger()
    before = list(root.handlers), root.level
    logs.configure("worker", terminal=False)
    written = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield written
    structlog.reset_defaults()
    root.handlers[:], root.level = before


def last(lines: io.StringIO) -> dict[str, object]:
    told: dict[str, object] = json.loads(lines.getvalue().splitlines()[-1])
    return told


@pytest.mark.parametrize(
    "field", ["phone", "callback_phone", "caller", "text", "password", "place", "number"]
)
def test_personal_fields_are_masked(lines: io.StringIO, field: str) -> None:
    structlog.get_logger().info("seen", **{field: "something"})
    assert last(lines)[field] == logs.MASK


@pytest.mark.parametrize("text", [f"sip:{PHONE}@10.0.0.1", f"call from +86{PHONE}", PHONE, f"('{PHONE}',)"])
def test_a_number_in_any_text_is_masked(lines: io.StringIO, text: str) -> None:
    structlog.get_logger().warning("failed", why=text, deep={"list": [text]})
    assert PHONE not in lines.getvalue()


def test_a_number_in_a_traceback_is_masked(lines: io.StringIO) -> None:
    try:
        raise ValueError(f"bad number {PHONE}")
    except ValueError:
        structlog.get_logger().exception("failed")
    told = lines.getvalue()
    assert PHONE not in told and "ValueError" in told


def test_what_libraries_log_is_masked_too(lines: io.StringIO) -> None:
    logging.getLogger("library").warning("dialling %s", PHONE)
    told = last(lines)
    assert told["event"] == f"dialling {logs.MASK}"
    assert told["process"] == "worker"


def test_names_of_calls_legs_and_cases_stay(lines: io.StringIO) -> None:
    ids = {
        "call": "n1-1732450000.12",
        "leg": "n1-1732450000.12.op1.1",
        "case": "20261124-n1-00001",
        "attempt": "7b6a9d2e-54a3-4c9a-8f1e-0d4a5b6c7d8e",
    }
    structlog.get_logger().info("seen", **ids)
    told = last(lines)
    assert {name: told[name] for name in ids} == ids
