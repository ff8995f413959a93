"""Looking at recorded sound: which tone it holds, and where known words lie in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 8000  # Hz, of telephones and recordings
_STEP = RATE // 4

Sound = NDArray[np.float64]


def sound(path: Path) -> Sound:
    """Samples between -1 and 1, frames × channels."""
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    assert rate == RATE
    return np.asarray(samples)


def tone_seconds(samples: Sound, hertz: float) -> float:
    """How long this tone is nearly all that is heard, in quarters of a second."""
    near = np.abs(np.fft.rfftfreq(_STEP, 1 / RATE) - hertz) < 15
    count = 0
    for begin in range(0, len(samples) - _STEP, _STEP):
        spectrum = np.abs(np.fft.rfft(samples[begin : begin + _STEP] * np.hanning(_STEP))) ** 2
        count += bool(spectrum[near].sum() > 0.9 * spectrum.sum() > 1.0)
    return count * _STEP / RATE


def loudness(samples: Sound) -> float:
    """Root mean square, 0 to 1."""
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


def where(words: Sound, samples: Sound) -> tuple[float, float]:
    """Second at which `words` are best found in `samples`, and how well (0 to 1; above 0.5 they are there)."""
    size = 1 << (len(samples) + len(words)).bit_length()
    product = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(words, size))
    match = np.fft.irfft(product, size)[: max(1, len(samples) - len(words) + 1)]
    energy = np.concatenate([[0.0], np.cumsum(samples**2)])
    spans = energy[len(words) :] - energy[: -len(words)]
    likeness = match / np.sqrt(np.maximum(spans, 1e-9) * (words**2).sum())
    best = int(np.argmax(likeness))
    return best / RATE, float(likeness[best])
