"""The secrets of one site: made once at random, kept in one file that only our user may read."""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.errors import Trouble
from config.language import _


@dataclass(frozen=True)
class Secrets:
    """`ari` is the password of ARI's user, `seats` the SIP secret of each seat. Never shown in a repr."""

    ari: str = field(repr=False)
    seats: dict[str, str] = field(repr=False)


def load(path: Path, seats: Iterable[str]) -> Secrets:
    """The secrets of the site, new ones made for seats that have none yet; seats that went keep theirs.

    Raises `Trouble` when the file is damaged, readable by others, or cannot be written.
    """
    kept = _read(path)
    known = kept.get("seats", {})
    found = Secrets(
        ari=kept.get("ari") or secrets.token_urlsafe(24),
        seats={**known, **{name: secrets.token_hex(8) for name in seats if name not in known}},
    )
    fresh = {"ari": found.ari, "seats": found.seats}
    if fresh != kept:
        _write(path, json.dumps(fresh, indent=1))
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            kept = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Trouble(_("密钥文件 {path} 读不了或已损坏：{why}", path=path, why=error)) from None
    if mode & 0o077:
        raise Trouble(_("密钥文件 {path} 别人也能读，请先执行 chmod 600", path=path))
    if (
        not isinstance(kept, dict)
        or not isinstance(kept.get("seats"), dict)
        or not isinstance(kept.get("ari"), str)
    ):
        raise Trouble(_("密钥文件 {path} 读不了或已损坏：{why}", path=path, why="seats, ari"))
    return kept


def _write(path: Path, text: str) -> None:
    half = path.with_name(f".{path.name}.half")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.unlink(missing_ok=True)
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        raise Trouble(_("密钥文件 {path} 写不了：{why}", path=path, why=error.strerror)) from None
