"""`minsheng test`: the project's own tests, from the repository they lie in."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

import ivr
from config.errors import Exit, Trouble
from config.language import _

Layer = Literal["unit", "store", "line"]
_AT_ONCE = 3  # on two cores; more would make people on the telephone wait for each other
ALL: tuple[Layer, ...] = ("unit", "store", "line")


def tests(layer: Annotated[Layer | None, typer.Argument(help=_("unit、store 或 line"))] = None) -> None:
    """Runs pytest on one layer, or on all of them in one run; its exit status is the command's."""
    root = Path(ivr.__file__).resolve().parent.parent
    folders = [f"tests/{name}" for name in ((layer,) if layer else ALL)]
    if importlib.util.find_spec("pytest") is None:
        raise Trouble(_("测试需要 pytest：请用 ./minsheng test 运行"), Exit.MACHINE)
    if not all((root / folder).is_dir() for folder in folders):
        raise Trouble(_("这里没有测试：测试只在源代码目录里"), Exit.NOT_FOUND)
    if layer in (None, "line"):
        need_sipp()
    command = [sys.executable, "-P", "-m", "pytest", *folders, *_side_by_side()]
    raise typer.Exit(subprocess.run(command, cwd=root, env=_bare(), check=False).returncode)


def _side_by_side() -> list[str]:
    """Several files at a time: a story on the telephone mostly waits. Each has ports and a folder of its own."""
    if importlib.util.find_spec("xdist") is None:
        return []
    return ["-n", str(_AT_ONCE), "--dist", "loadfile"]


def _bare() -> dict[str, str]:
    """The environment without this machine's settings and language: tests mean the defaults."""
    kept = ("MINSHENG_CACHE", "MINSHENG_PYTHON")
    bare = {key: value for key, value in os.environ.items() if key in kept or not key.startswith("MINSHENG_")}
    return bare | {"MINSHENG_LANGUAGE": "zh"}


def need_sipp() -> None:
    """SIPp, for malformed input and strangers' calls: installed where we may, else asked for."""
    if shutil.which("sipp"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "--no-install-recommends", "sip-tester"]
        for command in (["apt-get", "update"], install):
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if not shutil.which("sipp"):
        raise Trouble(_("line 测试需要 SIPp。请先安装：apt install sip-tester"), Exit.MACHINE)
