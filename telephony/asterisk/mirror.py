"""Fetching packages from the archive that this machine's own apt already uses, as any user."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import structlog

from config.language import _
from telephony.asterisk.lock import Package
from telephony.asterisk.trouble import NoAsterisk

log = structlog.get_logger()

HELPER = Path("/usr/lib/apt/apt-helper")
# Debian's names of suites: other vendors' archives on the machine carry other ones, and are not asked.
SUITES = re.compile(
    r"(oldoldstable|oldstable|stable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)"
)
# Root without the sandbox user needs no folder that `_apt` may write; hashes and signatures hold anyway.
OPTIONS = ["-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20"]
OPTIONS += ["-o", "Acquire::https::Timeout=20"]


class Gone(Exception):
    """The archive answers, but no longer carries (all of) what was asked."""


class Unreachable(Exception):
    """The archive does not answer; the text says why, in apt's words."""


def plain_environment() -> dict[str, str]:
    """apt's messages in English, so that they can be told apart."""
    return {**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": "C"}


def roots() -> list[str]:
    """Roots of the Debian archives in the machine's apt sources, in their order.

    Raises `NoAsterisk` where there is no apt at all.
    """
    if not HELPER.exists():
        raise NoAsterisk(
            _("这台机器没有 apt，装不了电话交换程序；请在设置 asterisk.program 里指明已有的 Asterisk")
        )
    printed = subprocess.run(
        ["apt-get", "update", "--print-uris"],
        capture_output=True,
        text=True,
        check=False,
        env=plain_environment(),
    ).stdout
    return _roots(printed)


def _roots(printed: str) -> list[str]:
    found: dict[str, None] = {}
    for match in re.finditer(r"^'([^']+?)/dists/([^/']+)/", printed, re.MULTILINE):
        if SUITES.fullmatch(match[2]):
            found[match[1]] = None
    return list(found)


def fetch(packages: Sequence[Package], root: str, into: Path, report: Callable[[float], None]) -> list[Path]:
    """All `packages` from one archive, each checked against its hash; `report` gets 0..1 as bytes arrive.

    Raises `Gone` or `Unreachable`.
    """
    into.mkdir(parents=True, exist_ok=True)
    command = [str(HELPER), *OPTIONS, "download-file"]
    for package in packages:
        command += [f"{root}/{package.path}", str(into / package.name), f"SHA256:{package.sha256}"]
    whole = sum(package.size for package in packages)
    said = run_watched(command, plain_environment(), lambda: report(min(1.0, _bytes(into) / whole)))
    files = [into / package.name for package in packages]
    if all(_is(file, package) for file, package in zip(files, packages, strict=True)):
        return files
    complaint = last_complaint(said)
    log.info("asterisk_archive_refused", why=complaint)
    if re.search(r"\b404\b|Hash Sum mismatch|unexpected size|File not found", said):
        raise Gone(complaint)
    raise Unreachable(complaint)


def run_watched(command: list[str], environment: dict[str, str], watch: Callable[[], None]) -> str:
    """Run to the end, calling `watch` five times a second; returns what was printed."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as process:
        try:
            while True:
                try:
                    printed, _none = process.communicate(timeout=0.2)
                    return printed
                except subprocess.TimeoutExpired:
                    watch()
        except BaseException:
            process.kill()
            raise


def last_complaint(printed: str) -> str:
    """apt's last line of error that says anything, without its mark."""
    lines = [line for line in printed.splitlines() if line.strip() and "Download Failed" not in line]
    errors = [line for line in lines if line.startswith("E:")]
    # Of one file it says `Err:1 address`, and the reason indented in the line below.
    reasons = [after.strip() for line, after in pairwise(lines) if line.startswith("Err:")]
    return (errors or reasons or lines or [""])[-1].removeprefix("E:").strip()


def _bytes(folder: Path) -> int:
    try:
        return sum(entry.stat().st_size for entry in folder.iterdir())
    except FileNotFoundError:  # a partial file was renamed meanwhile
        return 0


def _is(file: Path, package: Package) -> bool:
    if not file.exists() or file.stat().st_size != package.size:
        return False
    return hashlib.sha256(file.read_bytes()).hexdigest() == package.sha256
