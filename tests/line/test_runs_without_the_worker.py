"""The worker dies while it seals and while it reads, or is not there at all: calls are as ever, all arrives once."""

from __future__ import annotations

import signal
from pathlib import Path

from sqlalchemy.orm import Session

from models import kinds
from models.calls import Call, Recording, Transcript
from models.cases import Case
from models.log import LoggedEvent
from models.words import Disposition, TranscriptState
from tests.line.reaper import on_folder
from tests.line.site import Site
from tests.line.talked import UNHURRIED, read, spoken


def readers(site: Site) -> list[int]:
    """Processes that read a call."""
    found = []
    for number in on_folder(str(site.folder)):
        try:
            argv = Path(f"/proc/{number}/cmdline").read_bytes()
        except FileNotFoundError:
            continue
        found += [number] if b"speech.transcribe" in argv else []
    return found


async def all_closed(site: Site) -> None:
    """Asterisk has closed both files of a call."""
    await site.until(lambda: len(list(site.settings.raw.glob("*.done"))) == 2 or None, "two closed files")


def in_the_middle(site: Site) -> bool | None:
    """Something is written where sealed files lie, but not yet both."""
    return any(path.is_file() for path in site.settings.sealed.rglob("*")) or None


async def everything_once(site: Site, call: Call) -> None:
    """One recording of each channel, one transcript, one suggestion, each told once; nothing half-made left."""
    transcript = await read(site, call)
    assert transcript.state == TranscriptState.DONE
    assert {one.channel for one in transcript.segments} == {"citizen", "operator"}
    with site.store.reading() as session:
        channels = [row.channel for row in session.query(Recording)]
        assert sorted(channels) == sorted([call.id, *(leg.id for leg in call.legs)])
        assert session.query(Transcript).count() == 1
        assert session.query(Case).count() == 1
        assert times(session, kinds.RECORDING_SEALED) == 2
        for kind in (kinds.CALL_START, kinds.CALL_END, kinds.TRANSCRIBED, kinds.CASE_OPENED):
            assert times(session, kind) == 1, kind
        assert times(session, kinds.CASE_SUGGESTED) == 1
    sealed = [path.suffix for path in site.settings.sealed.rglob("*") if path.is_file()]
    assert sealed == [".flac"] * 2
    assert list(site.settings.raw.iterdir()) == []


def times(session: Session, kind: str) -> int:
    return session.query(LoggedEvent).filter_by(kind=kind).count()


async def test_worker_killed_while_sealing_and_while_reading(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, words=True, line=UNHURRIED) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        worker = site.process("worker")
        worker.send_signal(signal.SIGSTOP)  # so that all is to be sealed at one moment
        await spoken(site, citizen, operator, "citizen_1", "operator_1")
        await all_closed(site)
        worker.send_signal(signal.SIGCONT)
        await site.until(lambda: in_the_middle(site), "a file to be sealed", every=0.002)
        site.stop("worker", signal.SIGKILL)

        site.start("worker")
        await site.until(lambda: readers(site) or None, "the call to be read", 30)
        site.stop("worker", signal.SIGKILL)
        await site.until(lambda: None if readers(site) else True, "the reader to leave with its worker", 30)

        site.start("worker")
        await everything_once(site, await site.ended_call())


async def test_worker_absent_for_the_whole_call(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, words=True, line=UNHURRIED, processes=["line"]) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        await spoken(site, citizen, operator, "citizen_1", "operator_1")
        await site.no_channel_left()
        await all_closed(site)
        with site.store.reading() as session:
            assert session.query(LoggedEvent).count() == 0
        site.start("worker")
        call = await site.ended_call(within=30)
        assert call.disposition == Disposition.ANSWERED
        assert call.operator == "op1"
        await everything_once(site, call)
