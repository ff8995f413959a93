"""`minsheng stop`: asks the guard of this directory to finish, and waits until it has."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from config.errors import NotFound
from config.language import _
from config.settings import load
from ivr import guard
from ivr.cli import show


def stop(now: Annotated[bool, typer.Option("--now", help=_("不等通话结束"))] = False) -> None:
    settings = load()
    pid = guard.living(settings.run / "guard.pid")
    if pid is None:
        raise NotFound(_("{var} 上没有正在运行的系统", var=settings.var))
    end(pid, settings.run, now=now)
    show.aside().print(_("已停止"))


def end(pid: int, run: Path, *, now: bool) -> None:
    """Stops the guard `pid` of `run` and returns when it has gone; `now` ends the calls that are on."""
    os.kill(pid, signal.SIGQUIT if now else signal.SIGTERM)
    while guard.living(run / "guard.pid") == pid:
        time.sleep(0.1)
