"""The settings of a story's site: the shipped ones, with shorter waits and ports of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config.settings import default_cache
from tests.line.ports import Ports

UNREAD = "none"  # the name of no model: a story that is not about words has its calls read by nobody

BRISK: dict[str, Any] = {  # the same line with shorter waits
    "line": {
        "answer_within": 4.0,
        "widen_every": 1.0,
        "key_within": 4.0,
        "clip_ends_after": 2.0,
        "poll_every": 1.0,
    },
    "callback": {
        "opens": "00:00:00",
        "closes": "23:59:59",
        "due_after_days": 0,
        "spacing": 1.0,
        "ring_for": 4.0,
        "key_within": 4.0,
        "tick": 0.5,
        "per_number": 1000,
    },
}


def sections(ports: Ports, changes: dict[str, Any], *, words: bool) -> dict[str, Any]:
    """What the site's file holds; `changes` go over BRISK, section by section."""
    plain: dict[str, Any] = {
        "cache": default_cache(),
        "sip": {"port": ports.sip, "rtp_first": ports.rtp_first, "rtp_last": ports.rtp_last},
        "asterisk": {"http_port": ports.http},
        "trunks": {"citizen": {"match": ["127.0.0.2"], "contact": f"sip:127.0.0.2:{ports.citizen}"}},
    }
    if not words:
        plain["speech"] = {"model": UNREAD}
    for section, values in [*BRISK.items(), *changes.items()]:
        plain[section] = {**plain.get(section, {}), **values} if isinstance(values, dict) else values
    return plain


def write(path: Path, plain: dict[str, Any]) -> None:
    """The site's TOML file, with just what a site would write."""
    lines: list[str] = []

    def value(item: Any) -> str:
        if isinstance(item, list):
            return "[" + ", ".join(value(one) for one in item) + "]"
        return str(item) if isinstance(item, int | float) else f'"{item}"'

    def table(prefix: str, entries: dict[str, Any]) -> None:
        for key, item in entries.items():
            if not isinstance(item, dict):
                lines.append(f"{key} = {value(item)}")
        for key, item in entries.items():
            if isinstance(item, dict):
                lines.append(f"[{prefix}{key}]")
                table(f"{prefix}{key}.", item)

    table("", plain)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
