"""What a waiting citizen hears between the sentences: two soft tones in turn. Made here, so it belongs to nobody."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

RATE = 8000  # Hz, what Asterisk plays without resampling
TONES = (440.0, 554.37)  # Hz: a third, calm and far from any signalling tone
EACH = 1.6  # s, one tone with its dying away
TIMES = 3  # pairs of tones in the file, with a rest after each: twelve seconds between two messages
REST = 0.8  # s
LOUD = 0.08  # of full scale: clearly below speech


def samples() -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    time = np.arange(int(EACH * RATE)) / RATE
    shape = np.minimum(1.0, time / 0.05) * np.exp(-2.0 * time) * np.minimum(1.0, (EACH - time) / 0.1)
    pair = [np.sin(2 * np.pi * tone * time) * shape for tone in TONES]
    once = np.concatenate([*pair, np.zeros(int(REST * RATE))])
    return (np.tile(once, TIMES) * LOUD * 32767).astype(np.int16)


def write(path: Path) -> None:
    """An 8 kHz mono WAV, unless it is there already."""
    if path.exists():
        return
    half = path.with_suffix(".half")
    with wave.open(str(half), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples().tobytes())
    half.replace(path)
