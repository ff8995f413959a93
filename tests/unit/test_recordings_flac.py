"""Raw sound becomes FLAC without losing a sample."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordings import flac


def noise(frames: int, seed: int = 1) -> bytes:
    samples = np.random.default_rng(seed).normal(0, 4000, (frames, 2)).clip(-32768, 32767)
    return samples.astype("<i2").tobytes()


def test_every_sample_comes_back(tmp_path: Path) -> None:
    raw, sealed = tmp_path / "a.raw", tmp_path / "2026" / "a.flac"
    data = noise(70_000)  # more than one block
    raw.write_bytes(data)
    made = flac.encode(raw, sealed)
    assert flac.read(sealed).astype("<i2").tobytes() == data
    assert made.pcm_sha256 == hashlib.sha256(data).hexdigest() == flac.pcm_sha256(sealed)
    assert made.file_sha256 == hashlib.sha256(sealed.read_bytes()).hexdigest()
    assert (made.frames, made.odd_bytes, made.bytes) == (70_000, 0, sealed.stat().st_size)
    assert made.seconds == 70_000 / 8000


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400))
def test_any_bytes_are_kept_in_whole_frames(tmp_path: Path, data: bytes) -> None:
    raw, sealed = tmp_path / "a.raw", tmp_path / "a.flac"
    raw.write_bytes(data)
    made = flac.encode(raw, sealed)
    whole = data[: len(data) - len(data) % 4]
    assert flac.read(sealed).astype("<i2").tobytes() == whole
    assert made.odd_bytes == len(data) % 4


def test_a_call_without_a_single_frame_is_sealed_too(tmp_path: Path) -> None:
    raw, sealed = tmp_path / "a.raw", tmp_path / "a.flac"
    raw.touch()
    made = flac.encode(raw, sealed)
    assert made.seconds == 0.0
    assert sealed.read_bytes().startswith(b"fLaC")
    assert flac.read(sealed).shape == (0, 2)
    assert flac.pcm_sha256(sealed) == hashlib.sha256(b"").hexdigest()


def test_a_file_that_reads_back_otherwise_is_not_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, sealed = tmp_path / "a.raw", tmp_path / "a.flac"
    raw.write_bytes(noise(100))
    monkeypatch.setattr(flac, "pcm_sha256", lambda path: "another")
    with pytest.raises(flac.NotTheSame):
        flac.encode(raw, sealed)
    assert [path.name for path in tmp_path.iterdir()] == ["a.raw"]


def test_a_damaged_file_is_found_out(tmp_path: Path) -> None:
    raw, sealed = tmp_path / "a.raw", tmp_path / "a.flac"
    raw.write_bytes(noise(20_000))
    made = flac.encode(raw, sealed)
    data = bytearray(sealed.read_bytes())
    data[len(data) // 2] ^= 0xFF
    sealed.write_bytes(data)
    assert flac.file_sha256(sealed) != made.file_sha256
