"""`minsheng run`: a killed guard disturbs no call, the next run adopts what lives, and a stop lets a call end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.errors import Exit
from config.settings import default_cache
from demo.phones import Phone
from demo.phones_talk import PhoneTrouble
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
async def running(folder: Path) -> AsyncIterator[tuple[Run, str, Phone]]:
    """A run, its SIP server, and a citizen behind its trunk."""
    var = folder / "var"
    ports = Ports()
    reaper = Reaper(var)
    run = Run(var)
    try:
        write(var / "minsheng.toml", sections(ports, {}, words=True))
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


@pytest.mark.timeout(240)
async def test_a_killed_guard_disturbs_no_call_and_a_stop_lets_it_end(tmp_path: Path) -> None:
    async with running(tmp_path) as (run, server, citizen):
        operator = await seat(run, server, "op1", tmp_path)
        try:
            await asyncio.sleep(1.0)  # a qualify, so that the desk knows the phone
            talk = await citizen.call(f"sip:110@{server}")
            ring = await operator.next_call(within=10)
            await ring.answer()
            await talk.answered(within=5)
            before = run.pids()

            first = run.started[-1]
            first.kill()
            first.wait()
            second = run.start()
            log = run.var / "log" / "guard.log"
            await until(lambda: log.exists() and "worker" in log.read_text("utf-8"), 60, "adoption")
            assert run.pids() == before

            await ring.tone(1000, 1.0)
            await talk.heard_sound(within=5)  # the talk went on all the while

            refused = run.start()
            await asyncio.to_thread(refused.wait)
            assert refused.returncode == Exit.BUSY

            second.send_signal(signal.SIGTERM)
            await until(lambda: "正在停止" in log.read_text("utf-8"), 10, "the stop to begin")
            talk.listen_anew()
            await ring.tone(1000, 1.0)
            await talk.heard_sound(within=5)
            assert second.poll() is None

            await talk.hang_up()
            await asyncio.to_thread(second.wait)
            assert second.returncode == 0
            assert run.pids() == dict.fromkeys(PROCESSES)
        finally:
            await operator.off()


@pytest.mark.timeout(240)
async def test_an_operator_added_by_command_is_rung_and_one_removed_is_not_let_in(tmp_path: Path) -> None:
    async with running(tmp_path) as (run, server, citizen):
        added = await run.command("operator", "add", "op4", "--name", "张三", "--number", "104", "--json")
        password = json.loads(added)["operator"]["password"]
        async with Phone("op4", folder=tmp_path / "phones", registrar=server, password=password) as phone:
            await phone.register()
            await asyncio.sleep(1.0)  # a qualify, so that the desk knows the phone
            talk = await citizen.call(f"sip:110@{server}")
            ring = await phone.next_call(within=15)
            await ring.answer()
            await talk.answered(within=5)
            await talk.hang_up()

            await run.command("operator", "remove", "op4")
            assert "op4" not in await run.command("operator", "list")
            with pytest.raises(PhoneTrouble):
                await phone.register()


@pytest.mark.timeout(240)
async def test_a_stop_does_not_forsake_who_waits_nor_who_rings_meanwhile(tmp_path: Path) -> None:
    async with running(tmp_path) as (run, server, citizen):
        talk = await citizen.call(f"sip:110@{server}")  # nobody is at the telephones
        await talk.answered(within=5)
        run.started[-1].terminate()
        await asyncio.sleep(2.0)  # the order to stop has reached Asterisk
        operator = await seat(run, server, "op1", tmp_path)
        try:
            ring = await operator.next_call(within=20)
            await ring.answer()
            await ring.answered(within=5)
            await ring.tone(1000, 1.0)
            await talk.heard_sound(within=5)
            await talk.hang_up()
            await ring.ended(within=5)
            await until(lambda: set(run.pids().values()) == {None}, 60, "everything to end")
        finally:
            await operator.off()
