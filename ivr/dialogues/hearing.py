"""Whether anybody is to be heard in a clip: by its sound, since Asterisk's own count is in whole seconds and
takes the silence that ended the clip for talk.
"""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

RATE = 8000  # Hz
FRAME = 160  # samples, 20 ms at 8 kHz
QUIET = 10 ** (-48 / 20)  # of full scale: below it a telephone line's own noise, above it even a whisper
HEARD = 0.3  # s of sound that count as somebody
KNOCKED = 0.06  # s of sound in all: one hit on a receiver lasts some 50 ms, a click on the line less
SYLLABLE = 0.12  # s of sound at a stretch: no knock lasts so long, however many there are

Sign = Literal["voice", "knock"]
Loud = npt.NDArray[np.bool_]  # frame by frame
UNREADABLE = (OSError, EOFError, ValueError, wave.Error)


async def voiced(path: Path, otherwise: float) -> float:
    """Seconds of sound above the line's noise; `otherwise` when the clip cannot be read: a doubt is for the citizen."""
    try:
        return _seconds(await asyncio.to_thread(_loud, path))
    except UNREADABLE:
        return otherwise


async def sign(path: Path) -> Sign | None:
    """What somebody gave of themselves who was asked to speak or to knock; a clip that cannot be read is a voice."""
    try:
        loud = await asyncio.to_thread(_loud, path)
    except UNREADABLE:
        return "voice"
    seconds = _seconds(loud)
    if seconds >= HEARD and _longest(loud) >= SYLLABLE:
        return "voice"
    return "knock" if seconds >= KNOCKED else None


def _seconds(loud: Loud) -> float:
    return int(np.count_nonzero(loud)) * FRAME / RATE


def _longest(loud: Loud) -> float:
    """Seconds of the longest stretch without a quiet frame."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0)) * FRAME / RATE


def _loud(path: Path) -> Loud:
    """Which frames are above the noise, of a WAV as Asterisk writes it: 8 kHz, 16 bits, one channel."""
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768.0
    whole = len(samples) // FRAME * FRAME
    loudness = np.sqrt(np.mean(samples[:whole].reshape(-1, FRAME) ** 2, axis=1))
    return np.asarray(loudness > QUIET)
