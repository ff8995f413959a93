"""`minsheng run`: a killed guard disturbs no call, the next run adopts what lives, and a stop lets a call end."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from config.errors import Exit
from demo.phones import Phone
from demo.phones_talk import PhoneTrouble
from tests.line.guarded import PROCESSES, running, seat, until


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
