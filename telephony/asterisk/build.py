"""One built Asterisk in the cache: made in a temporary folder, marked when whole, renamed into place."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import structlog

from config.language import _
from telephony.asterisk import capability, slim
from telephony.asterisk.installation import Installation, Machine
from telephony.asterisk.trouble import NoAsterisk

log = structlog.get_logger()

MARK = "OK"


def make(files: Iterable[Path], home: Path, machine: Machine, work: Path) -> Installation:
    """Build `home` out of packages; `work` is a folder on the same disk, ours to fill and to throw away.

    Raises `NoAsterisk` when the packages do not make a fit Asterisk.
    """
    slim.unpack(files, work / "root")
    built = work / "home"
    slim.build(work / "root", built, home, machine)
    shutil.rmtree(work / "root")
    (built / MARK).write_text(json.dumps(_hashes(built), indent=0, sort_keys=True), "ascii")
    if home.exists():
        home.rename(work / "old")
    built.rename(home)
    return fit(home)


def whole(home: Path) -> bool:
    """Every file of the mark is there and as it was built."""
    try:
        marked = json.loads((home / MARK).read_text("ascii"))
    except (OSError, ValueError):
        return False
    return isinstance(marked, dict) and bool(marked) and _hashes(home) == marked


def fit(home: Path) -> Installation:
    """The built Asterisk, if it starts at all and can do what the line needs; else `NoAsterisk`."""
    program = home / "sbin/asterisk"
    installation = Installation(program, home / "modules", home / "share", version(program))
    missing = capability.lacks(installation)
    if missing:
        log.warning("asterisk_not_fit", missing=missing)
        raise NoAsterisk(
            _(
                "得到的 Asterisk {version} 不能用，缺少：{what}",
                version=installation.version,
                what="、".join(missing),
            )
        )
    return installation


def version(program: Path) -> str:
    """What `asterisk -V` says, as `22.10.1`; raises `NoAsterisk` when it does not start."""
    try:
        said = subprocess.run([str(program), "-V"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAsterisk(_("程序 {program} 不能运行：{why}", program=program, why=error)) from None
    numbers = capability.numbers(said.stdout)
    if numbers is None:
        raise NoAsterisk(
            _("程序 {program} 不能运行：{why}", program=program, why=said.stderr.strip() or said.stdout)
        )
    return ".".join(map(str, numbers))


def _hashes(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and path != home / MARK
    }
