"""Whether anybody is to be heard in a clip: by its sound, since Asterisk's own count is in whole seconds and
takes the silence that ended the clip for talk.
"""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np

FRAME = 160  # samples, 20 ms at 8 kHz
QUIET = 10 ** (-48 / 20)  # of full scale: below it a telephone line's own noise, above it even a whisper
HEARD = 0.3  # s of sound that count as somebody


async def voiced(path: Path, otherwise: float) -> float:
    """Seconds of sound above the line's noise; `otherwise` when the clip cannot be read: a doubt is for the citizen."""
    try:
        return await asyncio.to_thread(_voiced, path)
    except (OSError, EOFError, ValueError, wave.Error):
        return otherwise


def _voiced(path: Path) -> float:
    """Of a WAV as Asterisk writes it: 16 bits, one channel."""
    with wave.open(str(path), "rb") as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768.0
    whole = len(samples) // FRAME * FRAME
    if whole == 0:
        return 0.0
    loudness = np.sqrt(np.mean(samples[:whole].reshape(-1, FRAME) ** 2, axis=1))
    return float(np.count_nonzero(loudness > QUIET) * FRAME / rate)
