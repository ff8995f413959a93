"""Raw samples of the recorder into lossless FLAC, and back to prove it.

Raw is what MixMonitor's option D writes: interleaved signed 16-bit little-endian, two channels, 8 kHz
(shared measurement: channel 0 comes from the recorded telephone, channel 1 is what it hears).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

RATE = 8000  # Hz
CHANNELS = 2
FRAME = 2 * CHANNELS  # bytes
_BLOCK = 1 << 16  # frames read at a time: 8 s


class NotTheSame(Exception):
    """A file read back does not hold the samples that were written."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What was written: hashes in hex; `odd_bytes` stood at the raw file's end and made no whole frame."""

    frames: int
    pcm_sha256: str
    file_sha256: str
    bytes: int
    odd_bytes: int

    @property
    def seconds(self) -> float:
        return self.frames / RATE


def encode(raw: Path, sealed: Path) -> Encoded:
    """Writes `raw` as FLAC to `sealed`, durably, by way of a temporary file, after reading it back.

    Raises `OSError` (disk, missing file), `LibsndfileError` or `NotTheSame`; `sealed` is then as before.
    """
    sealed.parent.mkdir(parents=True, exist_ok=True)
    temporary = sealed.with_name(f".{sealed.name}.part")
    try:
        frames, pcm, odd = _write(raw, temporary)
        if pcm_sha256(temporary) != pcm:
            raise NotTheSame(sealed.name)
        _settle(temporary)
        size, digest = temporary.stat().st_size, file_sha256(temporary)
        temporary.rename(sealed)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _settle(sealed.parent)
    return Encoded(frames, pcm, digest, size, odd)


def pcm_sha256(path: Path) -> str:
    """SHA-256 of a FLAC's samples as they were in the raw file. Raises `LibsndfileError` on damage."""
    digest = hashlib.sha256()
    if path.stat().st_size != len(_EMPTY):
        with soundfile.SoundFile(path) as file:
            while len(block := file.read(_BLOCK, dtype="int16", always_2d=True)):
                digest.update(block.astype("<i2").tobytes())
    return digest.hexdigest()


def read(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    """The samples of a sealed file, frames × channels."""
    if path.stat().st_size == len(_EMPTY):
        return np.zeros((0, CHANNELS), np.int16)
    samples, _rate = soundfile.read(path, dtype="int16", always_2d=True)
    return np.asarray(samples, np.int16)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(raw: Path, flac: Path) -> tuple[int, str, int]:
    digest, frames, rest = hashlib.sha256(), 0, b""
    with (
        raw.open("rb") as source,
        soundfile.SoundFile(flac, "w", RATE, CHANNELS, "PCM_16", format="FLAC") as target,
    ):
        while data := source.read(_BLOCK * FRAME):
            data = rest + data
            whole = len(data) - len(data) % FRAME
            data, rest = data[:whole], data[whole:]
            digest.update(data)
            target.write(np.frombuffer(data, "<i2").reshape(-1, CHANNELS))
            frames += whole // FRAME
    if not frames:
        flac.write_bytes(_EMPTY)  # libsndfile leaves an empty file, which is no FLAC
    return frames, digest.hexdigest(), len(rest)


def _settle(path: Path) -> None:
    """On disk before we go on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _empty() -> bytes:
    """A FLAC stream without a frame (a caller gone before any sound): the header alone, RFC 9639, 8.2."""
    shape = (RATE << 44) | ((CHANNELS - 1) << 41) | ((16 - 1) << 36)
    block = (4096).to_bytes(2, "big") * 2 + bytes(6) + shape.to_bytes(8, "big")
    block += hashlib.md5(b"", usedforsecurity=False).digest()
    return b"fLaC" + bytes((0x80,)) + len(block).to_bytes(3, "big") + block


_EMPTY = _empty()
