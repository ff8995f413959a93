"""Sealing, cut off at any point and done again: one FLAC, one row, one event, and no raw file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import select

from models import kinds
from models.calls import Recording
from models.event import happened
from models.log import LoggedEvent
from models.store.engine import Store
from models.store.errors import StoreAway
from models.store.log import record
from recordings import flac, seal
from recordings.project import PROJECTIONS
from recordings.seal import Sealer, recording_id

CALL, LEG = "n1-1732450000.12", "n1-1732450000.12.op1.1"
ENDED = 1732450100.0  # the recorder's last write


class Site:
    """A store, a raw and a sealed folder, and a recorder that has just closed a file."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.raw, self.sealed = folder / "raw", folder / "sealed"
        self.raw.mkdir()

    def sealer(self, **more: object) -> Sealer:
        return Sealer(self.store, self.raw, self.sealed, "n1", ZoneInfo("Asia/Shanghai"), **more)  # type: ignore[arg-type]

    def recorded(self, channel: str = CALL, frames: int = 16_000, *, closed: bool = True) -> bytes:
        data = np.random.default_rng(7).integers(-9000, 9000, (frames, 2)).astype("<i2").tobytes()
        path = self.raw / f"{channel}.raw"
        path.write_bytes(data)
        os.utime(path, (ENDED, ENDED))
        if closed:
            (self.raw / f"{channel}.done").touch()
        return data

    def left(self) -> list[str]:
        return sorted(path.name for path in self.raw.iterdir())

    def row(self, channel: str = CALL) -> Recording:
        with self.store.reading() as session:
            return session.scalars(select(Recording).where(Recording.channel == channel)).one()

    def told(self, kind: str) -> list[LoggedEvent]:
        with self.store.reading() as session:
            return list(session.scalars(select(LoggedEvent).where(LoggedEvent.kind == kind)))

    def assert_sealed_once(self, data: bytes, channel: str = CALL) -> None:
        row = self.row(channel)
        path = self.sealed / row.path
        assert flac.read(path).astype("<i2").tobytes() == data
        assert flac.file_sha256(path) == row.file_sha256
        (event,) = self.told(kinds.RECORDING_SEALED)
        assert event.body["pcm_sha256"] == row.pcm_sha256 == flac.pcm_sha256(path)
        assert event.body["recording"] == str(row.id) == str(recording_id(channel))
        assert self.left() == []
        assert [found for found in self.sealed.rglob("*") if found.is_file()] == [path]


@pytest.fixture
def site(store: Store, tmp_path: Path) -> Site:
    return Site(store, tmp_path)


def test_a_closed_file_is_sealed(site: Site) -> None:
    data = site.recorded()
    assert site.sealer().step() == [CALL]
    site.assert_sealed_once(data)
    row = site.row()
    assert (row.kind, row.call_id, row.seconds, row.rate, row.channels) == ("call", CALL, 2.0, 8000, 2)
    assert row.path == f"2024/11/24/{CALL}.flac"
    assert row.starts_at == datetime.fromtimestamp(ENDED - 2.0, UTC)


def test_a_legs_file_belongs_to_its_call(site: Site) -> None:
    site.recorded(LEG)
    site.sealer().step()
    assert (site.row(LEG).kind, site.row(LEG).call_id) == ("leg", CALL)


def test_a_live_file_is_left_alone(site: Site) -> None:
    site.recorded(closed=False)
    sealer = site.sealer()
    assert sealer.step() == []
    with (site.raw / f"{CALL}.raw").open("rb"):  # somebody has it open
        assert sealer.orphans() == []
    assert site.left() == [f"{CALL}.raw"]


def test_a_file_whose_recorder_died_is_sealed_as_far_as_it_goes(site: Site) -> None:
    data = site.recorded(closed=False)
    assert site.sealer().orphans() == [CALL]
    site.assert_sealed_once(data)
    assert site.told(kinds.RECORDING_SEALED)[0].body["closed"] is False


def test_killed_while_encoding(site: Site) -> None:
    data = site.recorded()
    half = site.sealed / "2024/11/24" / f".{CALL}.flac.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"fLaC half")
    site.sealer().step()
    site.assert_sealed_once(data)


def test_killed_between_file_and_row(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    data = site.recorded()
    with monkeypatch.context() as patch:
        patch.setattr(seal, "_enter", _killed)
        with pytest.raises(KeyboardInterrupt):
            site.sealer().step()
    assert site.left() == [f"{CALL}.done", f"{CALL}.raw"]
    site.sealer().step()
    site.assert_sealed_once(data)


@pytest.mark.parametrize("kept", [("raw", "done"), ("done",)])
def test_killed_after_the_row(site: Site, tmp_path: Path, kept: tuple[str, ...]) -> None:
    data = site.recorded()
    shutil.copytree(site.raw, tmp_path / "before")
    site.sealer().step()
    for ending in kept:
        shutil.copy(tmp_path / "before" / f"{CALL}.{ending}", site.raw)
    site.sealer().step()
    site.assert_sealed_once(data)


def test_the_sealed_file_is_made_again_while_the_raw_one_is_there(site: Site, tmp_path: Path) -> None:
    data = site.recorded()
    shutil.copytree(site.raw, tmp_path / "before")
    site.sealer().step()
    (site.sealed / site.row().path).write_bytes(b"fLaC damaged")
    for path in (tmp_path / "before").iterdir():
        shutil.copy(path, site.raw)
    site.sealer().step()
    site.assert_sealed_once(data)


def test_with_the_store_away_nothing_is_lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    data = site.recorded()
    sealer = site.sealer()
    with monkeypatch.context() as patch:
        patch.setattr(seal, "_enter", _away)
        for _try in range(3):
            with pytest.raises(StoreAway):
                sealer.step()
    assert site.left() == [f"{CALL}.done", f"{CALL}.raw"]
    monkeypatch.setattr(flac, "encode", _killed)  # it was encoded already
    sealer.step()
    site.assert_sealed_once(data)


def test_a_file_that_cannot_be_sealed_does_not_hold_up_the_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.recorded()
    site.recorded(LEG)
    encode: Callable[[Path, Path], flac.Encoded] = flac.encode

    def full(raw: Path, sealed: Path) -> flac.Encoded:
        if raw.stem == CALL:
            raise OSError(28, "No space left on device")
        return encode(raw, sealed)

    now = [0.0]
    sealer = site.sealer(clock=lambda: now[0])
    monkeypatch.setattr(flac, "encode", full)
    assert sealer.step() == [LEG]
    now[0] = 100.0
    assert sealer.step() == []
    assert [event.body["why"] for event in site.told(kinds.RECORDING_FAILED)] == ["seal:OSError"]
    monkeypatch.setattr(flac, "encode", encode)
    now[0] = 200.0
    assert sealer.step() == [CALL]
    assert site.left() == []


def test_a_raw_file_that_is_gone_is_told_once(site: Site) -> None:
    site.recorded()
    (site.raw / f"{CALL}.raw").unlink()
    sealer = site.sealer()
    assert sealer.step() == sealer.step() == []
    (event,) = site.told(kinds.RECORDING_FAILED)
    assert event.body == {"channel": CALL, "why": "lost"}
    assert event.stream == f"call:{CALL}"


@pytest.mark.parametrize("first", ["event", "sound"])
def test_the_beginning_is_the_recorders_own(site: Site, first: str) -> None:
    began = datetime.fromtimestamp(ENDED - 3.25, UTC)
    start = happened("n1", f"call:{CALL}", kinds.LEG_ANSWER, leg=LEG, recorder_at=began.isoformat())
    site.recorded(LEG)

    def event() -> None:
        with site.store.transaction() as session:
            record(session, start)
            PROJECTIONS[start.kind](session, start)

    if first == "event":
        event()
        site.sealer().step()
    else:
        site.sealer().step()
        event()
    assert site.row(LEG).starts_at == began


def test_a_seat_that_asterisk_rang_by_itself_is_a_leg_of_its_call(site: Site) -> None:
    seat = "n1-1732450000.13"
    site.recorded(seat)
    site.sealer(call_of=lambda channel: CALL).step()
    assert (site.row(seat).kind, site.row(seat).call_id) == ("leg", CALL)


def _killed(*_arguments: object) -> None:
    raise KeyboardInterrupt


def _away(*_arguments: object) -> None:
    raise StoreAway("away")
