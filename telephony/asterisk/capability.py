"""Can this Asterisk do what the line needs? Read from its files, without starting it.

Sources: the features' version notes (StasisBroadcast 22.7, `transport_data` 22.8) and asterisk#2134, an open bug
of 22.11.0 with bridged, spied channels. Distributions patch and strip, so files are believed before versions.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from telephony.asterisk.installation import Installation
from telephony.asterisk.modules import NEEDED

OLDEST = (22, 8, 0)
NOT_YET = (22, 11, 0)


def numbers(version: str) -> tuple[int, int, int] | None:
    """`22.10.1` out of whatever stands around it, or None."""
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def lacks(installation: Installation) -> list[str]:
    """What it cannot do, as short names for the log; empty when it is fit."""
    missing = [f"{name}.so" for name in NEEDED if not (installation.modules / f"{name}.so").exists()]
    version = numbers(installation.version)
    if version is None or not OLDEST <= version < NOT_YET:
        missing.append(f"version {installation.version}")
    missing += _rest(installation.data / "rest-api")
    if not _mixmonitor_interleaves(installation.data / "documentation" / "core-en_US.xml"):
        missing.append("MixMonitor D")
    return missing


def _rest(folder: Path) -> list[str]:
    operations: dict[str, set[str]] = {}
    for name in ("events", "channels", "bridges"):
        try:
            described = json.loads((folder / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return [f"rest-api/{name}.json"]
        operations |= _operations(described)
    wanted = {
        "/events/claim": set(),
        "/channels/{channelId}/move": set(),
        "/channels/{channelId}/transfer_progress": set(),
        "/channels/externalMedia": {"transport_data", "connection_type"},
        "/bridges/{bridgeId}/addChannel": {"absorbDTMF"},
    }
    return [
        " ".join([path, *sorted(parameters)])
        for path, parameters in wanted.items()
        if path not in operations or not parameters <= operations[path]
    ]


def _operations(described: dict[str, Any]) -> dict[str, set[str]]:
    """Path to the names of its parameters, over all its methods."""
    return {
        api["path"]: {
            parameter["name"]
            for operation in api.get("operations", [])
            for parameter in operation.get("parameters", [])
        }
        for api in described.get("apis", [])
    }


def _mixmonitor_interleaves(documentation: Path) -> bool:
    try:
        text = documentation.read_text("utf-8", errors="replace")
    except OSError:
        return False
    described = re.search(r'<application name="MixMonitor".*?</application>', text, re.DOTALL)
    return described is not None and '<option name="D">' in described[0]
