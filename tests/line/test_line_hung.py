"""The line hangs, or is away, or Asterisk is killed: under the guard a phone rings, and who talks talks on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config.settings import load
from demo.phones import Phone
from demo.phones_talk import Talk
from models.calls import Call, Recording
from models.cases import Case
from models.store.engine import open_store
from tests.line.guarded import Run, running, seat, until
from tests.line.hearing import sound, tone_seconds
from tests.line.talked import UNHURRIED, hear_each_other

pytestmark = pytest.mark.timeout(240)


@asynccontextmanager
async def people(folder: Path) -> AsyncIterator[tuple[Run, str, Phone, Phone]]:
    """A guarded site, its SIP server, a citizen, and the phone of the one operator who is there."""
    async with running(folder, line=UNHURRIED) as (run, server, citizen):
        operator = await seat(run, server, "op1", folder)
        try:
            await asyncio.sleep(1.0)  # a qualify, so that the desk knows the phone
            yield run, f"sip:110@{server}", citizen, operator
        finally:
            await operator.off()


def strike(run: Run, name: str, sign: signal.Signals) -> int:
    pid = run.pids()[name]
    assert pid is not None
    os.kill(pid, sign)
    return pid


async def kept_away(run: Run) -> None:
    """The line is killed as often as it is started. Until cancelled."""
    while True:
        with contextlib.suppress(AssertionError, ProcessLookupError):
            strike(run, "line", signal.SIGKILL)
        await asyncio.sleep(0.05)


def counted(run: Run) -> tuple[int, int]:
    """Calls and cases in the store."""
    with closing(open_store(load(run.var).store_url)) as store, store.reading() as session:
        calls = session.scalar(select(func.count()).select_from(Call).where(Call.direction == "in"))
        return calls or 0, session.scalar(select(func.count()).select_from(Case)) or 0


def sealed(run: Run) -> Path | None:
    """The recording of the citizen's own channel, once it is sealed."""
    settings = load(run.var)
    with closing(open_store(settings.store_url)) as store, store.reading() as session:
        path = session.scalar(select(Recording.path).join(Call, Call.id == Recording.channel))
        return settings.sealed / path if path else None


async def one_call_one_case_one_recording(run: Run, *, told: float) -> None:
    """Whoever tells of it, the line or what Asterisk wrote down. `told`: seconds of our tone on the citizen's side."""
    await until(lambda: counted(run) == (1, 1), 90, "one call and one case")
    await until(lambda: sealed(run) is not None, 60, "the recording to be sealed")
    path = sealed(run)
    assert path is not None and tone_seconds(sound(path)[:, 0], 700) >= told
    await asyncio.sleep(5)
    assert counted(run) == (1, 1)


async def end(talk: Talk, ring: Talk) -> None:
    await talk.hang_up()
    await ring.ended(within=10)


async def test_a_citizen_alone_with_a_line_that_hangs_reaches_a_person(tmp_path: Path) -> None:
    async with people(tmp_path) as (run, uri, citizen, operator):
        talk = await citizen.call(uri)
        await talk.answered(within=3)
        await operator.next_call(within=5)  # the line rings them
        hung = strike(run, "line", signal.SIGSTOP)
        await operator.manner(answer_after=0.5)
        await operator.next_call(within=15)  # the fallback does
        await operator.until(lambda: operator.talk.answered_at is not None, 15, "the answer")
        again = operator.talk
        await asyncio.sleep(1.0)
        await hear_each_other(talk, again)
        assert talk.closed is None
        await end(talk, again)
        await until(lambda: run.pids()["line"] not in (None, hung), 10, "another line")
        await one_call_one_case_one_recording(run, told=0.5)


async def test_who_talks_when_the_line_hangs_talks_on(tmp_path: Path) -> None:
    async with people(tmp_path) as (run, uri, citizen, operator):
        talk = await citizen.call(uri)
        ring = await operator.next_call(within=5)
        await ring.answer()
        await ring.answered(within=3)
        await asyncio.sleep(3.0)  # announced
        hung = strike(run, "line", signal.SIGSTOP)
        for _second in range(4):
            await hear_each_other(talk, ring)
        await until(lambda: run.pids()["line"] not in (None, hung), 20, "another line")
        await hear_each_other(talk, ring)
        assert (talk.closed, ring.closed, len(operator.talks)) == (None, None, 1)
        await talk.hang_up()
        await one_call_one_case_one_recording(run, told=2.5)


async def test_a_phone_rings_while_the_line_is_away(tmp_path: Path) -> None:
    async with people(tmp_path) as (run, uri, citizen, operator):
        away = asyncio.create_task(kept_away(run))
        try:
            await asyncio.sleep(0.2)
            talk = await citizen.call(uri)
            ring = await operator.next_call(within=5)
            await ring.answer()
            await ring.answered(within=3)
            await asyncio.sleep(5.0)  # longer than the guard is patient: a talk of the fallback is left alone
            await hear_each_other(talk, ring)
            assert len(operator.talks) == 1
            await end(talk, ring)
        finally:
            away.cancel()
        await one_call_one_case_one_recording(run, told=0.5)


async def test_a_killed_asterisk_is_back_and_takes_calls(tmp_path: Path) -> None:
    async with people(tmp_path) as (run, uri, citizen, operator):
        line = run.pids()["line"]
        killed = strike(run, "asterisk", signal.SIGKILL)
        await until(lambda: run.pids()["asterisk"] not in (None, killed), 10, "another Asterisk")
        for _try in range(20):
            with contextlib.suppress(Exception):
                await operator.register(within=1.0)
                break
        talk = await citizen.call(uri)
        ring = await operator.next_call(within=15)
        await ring.answer()
        await talk.answered(within=5)
        await asyncio.sleep(3.0)
        await hear_each_other(talk, ring)
        assert run.pids()["line"] == line, "the line connects by itself"
        await end(talk, ring)
