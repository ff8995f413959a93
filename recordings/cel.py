"""Asterisk's own list of channels (CEL, JSON lines): what was called, told by who answered the network.

Read on from where the last look ended; rotated files (`cel.json.1`, `cel.json-20261124.gz`) are read too, by
the identity of the file and not by its name. A damaged line is counted and passed over.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from models.ids import call_of, is_callback

LINE_CONTEXTS = frozenset({"ms-110"})  # where calls from outside enter


@dataclass(slots=True)
class Seen:
    """One call as CEL tells it: a citizen's, or one of ours that was answered."""

    call: str
    at: datetime
    caller: str = ""
    dialled: str = ""
    answered: datetime | None = None
    ended: datetime | None = None
    spoke: bool = False  # joined with somebody
    trunk: str = ""
    cause: int | None = None  # Q.850


@dataclass
class Cel:
    """The calls in `path` and its rotated companions; may be shared between threads."""

    path: Path
    calls: dict[str, Seen] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)  # channel: the call it belongs to, where they differ
    damaged: int = 0
    _lock: Lock = field(default_factory=Lock)
    _read: dict[tuple[int, int], int] = field(default_factory=dict)  # device and inode: bytes read

    def look(self) -> list[Seen]:
        """All calls known after reading on, the oldest first. A file that is not there yet holds no calls."""
        with self._lock:
            found = (path for path in self.path.parent.glob(f"{self.path.name}*") if path.is_file())
            for path in sorted(found, key=lambda each: each.stat().st_mtime):
                self._file(path)
            return sorted((seen for seen in self.calls.values() if _counts(seen)), key=lambda seen: seen.at)

    def call_of(self, channel: str) -> str:
        """The call of any channel. Legs that Asterisk rang by itself (the fallback) tell it only here."""
        named = call_of(channel)
        if named != channel or is_callback(channel):
            return named
        self.look()
        return self.links.get(channel, channel)

    def forget(self, before: datetime) -> None:
        """Drops calls that began before a time, so that a worker of many months stays small."""
        with self._lock:
            self.calls = {name: seen for name, seen in self.calls.items() if seen.at >= before}
            self.links = {name: call for name, call in self.links.items() if call in self.calls}

    def _file(self, path: Path) -> None:
        state = path.stat()
        name = state.st_dev, state.st_ino
        begun = self._read.get(name, 0)
        if state.st_size == begun:
            return
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as packed:
                data = packed.read()
            self._read[name] = state.st_size
        else:
            begun = begun if state.st_size > begun else 0  # shorter: emptied in place by a rotation
            with path.open("rb") as file:
                file.seek(begun)
                data = file.read()
            data = data[: data.rfind(b"\n") + 1]  # a line may still be on its way
            self._read[name] = begun + len(data)
        for line in data.splitlines():
            if line.strip():
                self._line(line)

    def _line(self, line: bytes) -> None:
        try:
            told = msgspec.json.decode(line)
            entry = {str(key).lower(): value for key, value in told.items()}
            self._event(entry)
        except (msgspec.DecodeError, AttributeError, ValueError, KeyError, UnicodeDecodeError):
            self.damaged += 1

    def _event(self, entry: dict[str, Any]) -> None:
        kind, channel, call = str(entry["eventtype"]), str(entry["uniqueid"]), str(entry["linkedid"])
        if channel != call and call in self.calls:
            self.links[channel] = call
        at = _time(entry["eventtime"])
        if kind == "CHAN_START":
            ours = channel == call and is_callback(call)
            if ours or entry.get("context") in LINE_CONTEXTS:
                began = self.calls.setdefault(call, Seen(call, at))
                began.caller = began.caller or _number(str(entry.get("num") or ""))
                began.trunk = began.trunk or _trunk(str(entry.get("channame") or ""))
                began.dialled = began.dialled or str(entry.get("exten") or "")
        elif (known := self.calls.get(call)) is None:
            return
        elif kind == "ANSWER" and channel == call:
            known.answered = known.answered or at
        elif kind == "BRIDGE_ENTER" and channel == call:
            known.spoke = True
        elif kind == "HANGUP" and channel == call:
            known.cause = _cause(entry.get("eventextra"))
        elif kind == "CHAN_END" and channel == call:
            known.ended = at


def _counts(seen: Seen) -> bool:
    """Every call from outside counts; one of ours counts when somebody answered."""
    return seen.answered is not None or not is_callback(seen.call)


def _number(text: str) -> str:
    """A telephone number; empty where it is withheld or something else."""
    return text if re.fullmatch(r"\+?[0-9]{3,20}", text) else ""


def _trunk(channel: str) -> str:
    """PJSIP/<endpoint>-<number in hexadecimal>."""
    return channel.removeprefix("PJSIP/").rpartition("-")[0]


def _cause(extra: object) -> int | None:
    """What Asterisk adds to a hang-up: JSON, as text or not."""
    told = msgspec.json.decode(extra) if isinstance(extra, str) and extra else extra
    cause = told.get("hangupcause") if isinstance(told, dict) else None
    return cause if isinstance(cause, int) else None


def _time(value: object) -> datetime:
    """Epoch seconds (number or text) or ISO 8601. Raises `ValueError`."""
    try:
        return datetime.fromtimestamp(float(str(value)), UTC)
    except ValueError:
        at = datetime.fromisoformat(str(value))
        return at if at.tzinfo else at.astimezone(UTC)
