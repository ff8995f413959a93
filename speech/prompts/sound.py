"""From a synthesised sentence to a telephone prompt: trimmed, even in loudness, not clipped, silent at both ends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech.resample import resample

Samples = NDArray[np.float32]
RATE = 8000  # Hz, what telephones carry
LEAD = 0.02  # s before the first sound
FADE_IN, FADE_OUT = 0.004, 0.015  # s
PAUSE = 0.32  # s between two sentences
LOUDNESS = -20.0  # dBFS, RMS over the frames that hold speech
PEAK = 0.7  # full scale is 1; leaves room for the coders behind us
FRAME = 0.01  # s
FLOOR = -42.0  # dB below the loudest frame: quieter is silence


def levels(samples: NDArray[Any], rate: int) -> NDArray[np.float64]:
    """RMS of each `FRAME`, the last one incomplete frame dropped; full scale is 1."""
    size = int(rate * FRAME)
    frames = np.asarray(samples[: len(samples) // size * size], dtype=np.float64).reshape(-1, size)
    rms: NDArray[np.float64] = np.sqrt((frames**2).mean(axis=1))
    return rms


def loudness(samples: NDArray[Any], rate: int = RATE) -> float:
    """dBFS of the frames that hold sound (within 30 dB of the loudest); −inf for silence."""
    rms = levels(samples, rate)
    loud = rms[rms > rms.max(initial=0.0) * 10 ** (-30 / 20)]
    return float(10 * np.log10((loud**2).mean())) if loud.size else float("-inf")


def trim(samples: Samples, rate: int) -> Samples:
    """Without the silence at both ends; 10 ms more are kept in front and 40 ms behind: sounds rise and die."""
    rms = levels(samples, rate)
    loud = np.flatnonzero(rms > rms.max(initial=0.0) * 10 ** (FLOOR / 20))
    if not loud.size:
        return samples[:0]
    first, last = max(0, loud[0] - 1), loud[-1] + 5
    return samples[int(first * rate * FRAME) : int(last * rate * FRAME)]


def fade(samples: Samples, rate: int) -> Samples:
    """The ends brought to zero along half a cosine: no click."""
    out = samples.copy()
    for seconds, end in ((FADE_IN, slice(None)), (FADE_OUT, slice(None, None, -1))):
        size = min(int(seconds * rate), out.size)
        slope = 0.5 - 0.5 * np.cos(np.pi * np.arange(size) / size) if size else np.zeros(0)
        view = out[end]
        view[:size] *= slope.astype(np.float32)
    return out


def limit(samples: Samples, rate: int, peak: float = PEAK) -> Samples:
    """Peaks above `peak` turned down smoothly, 3 ms before and after, rather than cut off."""
    reach = int(0.003 * rate)
    wanted = np.minimum(1.0, peak / np.maximum(np.abs(samples), 1e-9))
    padded = np.pad(wanted, 2 * reach, constant_values=1.0)
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(axis=1)
    window = np.hanning(2 * reach + 3)[1:-1]
    gain = np.convolve(lowest, window / window.sum(), mode="valid")
    return (samples * gain).astype(np.float32)


def prompt(sentences: list[Samples], rate: int, tail: float) -> NDArray[np.int16]:
    """One prompt of synthesised `sentences` (at `rate` Hz), as 16-bit samples at `RATE`."""
    parts: list[Samples] = [np.zeros(int(LEAD * RATE), np.float32)]
    for number, sentence in enumerate(sentences):
        if number:
            parts.append(np.zeros(int(PAUSE * RATE), np.float32))
        parts.append(fade(resample(trim(sentence, rate), rate, RATE), RATE))
    joined = np.concatenate(parts)
    joined = joined * np.float32(10 ** ((LOUDNESS - loudness(joined)) / 20))
    joined = np.concatenate([limit(joined, RATE), np.zeros(int(tail * RATE), np.float32)])
    return np.round(joined * 32767).astype(np.int16)


def tones(parts: list[tuple[float, float]]) -> NDArray[np.int16]:
    """Soft tones of (Hz, s) one after the other, at a tenth of full scale; a fifth is rise, a fifth fall."""
    out: list[Samples] = []
    for hertz, seconds in parts:
        time = np.arange(int(seconds * RATE)) / RATE
        slope = np.minimum(1.0, np.minimum(time, seconds - time) / (seconds / 5))
        out.append(
            (0.1 * (0.5 - 0.5 * np.cos(np.pi * slope)) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
        )
    return np.round(np.concatenate(out) * 32767).astype(np.int16)
