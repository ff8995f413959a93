"""`minsheng run` on a folder of its own: the guard over the shipped programs, with free ports and shorter waits."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from config.settings import default_cache
from demo.phones import Phone
from ivr import guard
from tests.line.ports import Ports
from tests.line.reaper import Reaper
from tests.line.site_settings import sections, write

MINSHENG = (sys.executable, "-P", "-c", "from ivr.cli.main import main; main()")
PROCESSES = ("asterisk", "line", "worker")


class Run:
    """`minsheng run` on one folder, as a person starts it."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.screen = var.parent / "screen"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        with self.screen.open("ab") as screen:
            begun = subprocess.Popen(
                [*MINSHENG, "run"], env=self.env(), stdout=screen, stderr=screen, cwd="/"
            )
        self.started.append(begun)
        return begun

    def env(self) -> dict[str, str]:
        return {**os.environ, "MINSHENG_VAR": str(self.var), "MINSHENG_CACHE": str(default_cache())}

    async def command(self, *arguments: str) -> str:
        """What another command prints on stdout; it must succeed."""
        done = await asyncio.to_thread(
            subprocess.run, [*MINSHENG, *arguments], env=self.env(), capture_output=True, text=True, cwd="/"
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pids(self) -> dict[str, int | None]:
        return {name: guard.living(self.var / "run" / f"{name}.pid") for name in PROCESSES}

    def ready(self) -> bool:
        """Whether the line that lives has said that it takes calls."""
        try:
            said = json.loads((self.var / "run" / "line.json").read_text())
        except (OSError, ValueError):
            return False
        return None not in self.pids().values() and bool(said["pid"] == self.pids()["line"])

    def password(self, account: str) -> str:
        """As it is shown on the screen."""
        shown = re.search(rf"{account}\s+(\w+)", self.screen.read_text("utf-8"))
        assert shown is not None
        return shown[1]


async def until(holds: Callable[[], bool], within: float, what: str) -> None:
    for _step in range(int(within / 0.05)):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {within:g} s: {what}")


@asynccontextmanager
async def running(folder: Path, **changes: Any) -> AsyncIterator[tuple[Run, str, Phone]]:
    """A run, its SIP server, and a citizen behind its trunk. `changes`: sections of the settings."""
    var = folder / "var"
    ports = Ports()
    reaper = Reaper(var)
    run = Run(var)
    try:
        write(var / "minsheng.toml", sections(ports, changes, words=True))
        citizen = Phone("13859912345", folder=folder / "phones", address="127.0.0.2", port=ports.citizen)
        run.start()
        await until(run.ready, 90, "the line to be ready")
        async with citizen:
            yield run, f"127.0.0.1:{ports.sip}", citizen
    finally:
        for each in run.started:
            each.kill()
            each.wait()
        reaper.finish()
        ports.close()


async def seat(run: Run, server: str, name: str, folder: Path) -> Phone:
    """An operator's phone, registered with nothing but what the screen shows."""
    phone = Phone(name, folder=folder / "phones", registrar=server, password=run.password(name))
    await phone.__aenter__()
    await phone.register()
    return phone
