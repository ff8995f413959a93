"""Whether anybody is heard in a clip."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from ivr.dialogues.hearing import HEARD, sign, voiced

RATE = 8000


def written(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def tone(seconds: float, loud: float) -> np.ndarray:
    return loud * np.sin(np.arange(int(seconds * RATE)) * 2 * np.pi * 400 / RATE)


@pytest.mark.parametrize(("loud", "heard"), [(0.5, True), (0.02, True), (0.001, False), (0.0, False)])
async def test_a_whisper_is_heard_and_a_quiet_line_is_not(tmp_path: Path, loud: float, heard: bool) -> None:
    path = written(tmp_path / "clip.wav", np.concatenate([tone(1.0, loud), np.zeros(3 * RATE)]))
    assert (await voiced(path, 0.0) >= HEARD) is heard


async def test_a_click_is_nobody(tmp_path: Path) -> None:
    assert await voiced(written(tmp_path / "clip.wav", tone(0.06, 0.9)), 9.0) < HEARD


@pytest.mark.parametrize("content", [None, b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt ", b"no sound at all" * 50])
async def test_a_clip_that_cannot_be_read_is_what_asterisk_counted(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "clip.wav"
    if content is not None:
        path.write_bytes(content)
    assert await voiced(path, 4.0) == 4.0


def knocks(times: int) -> np.ndarray:
    one = np.concatenate([tone(0.05, 0.6), np.zeros(RATE // 4)])
    return np.concatenate([one] * times)


@pytest.mark.parametrize(
    ("sound", "taken_for"),
    [
        (np.zeros(8 * RATE), None),
        (tone(8.0, 0.001), None),  # the line's own noise
        (np.concatenate([tone(0.02, 0.9), np.zeros(RATE)]), None),  # a click
        (knocks(1), "knock"),
        (knocks(12), "knock"),  # however long: knocks are no words
        (np.concatenate([tone(0.2, 0.02), np.zeros(RATE), tone(0.2, 0.02)]), "voice"),  # a whisper
        (tone(3.0, 0.5), "voice"),
    ],
)
async def test_a_knock_is_no_voice_and_a_click_is_no_knock(
    tmp_path: Path, sound: np.ndarray, taken_for: str | None
) -> None:
    assert await sign(written(tmp_path / "clip.wav", sound)) == taken_for


async def test_a_clip_that_cannot_be_read_may_hold_a_voice(tmp_path: Path) -> None:
    assert await sign(tmp_path / "clip.wav") == "voice"
