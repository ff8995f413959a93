"""Changing the sampling rate without aliases: a windowed-sinc filter, rational, in plain numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
ZEROS = 24  # zero crossings of the sinc on each side: about 80 dB of stop band with this window
KAISER_BETA = 8.0
PASS = 0.94  # of the lower Nyquist frequency; the rest is the transition band
BLOCK = 1 << 14  # output samples at a time, so that an hour of speech needs no gigabytes


def resample(samples: NDArray[Any], rate: int, to: int) -> Samples:
    """`samples` (mono, float) taken at `rate` Hz, at `to` Hz. Length: `ceil(len * to / rate)`; no delay."""
    given = np.asarray(samples, dtype=np.float32)
    if rate == to or given.size == 0:
        return given
    common = math.gcd(rate, to)
    up, down = to // common, rate // common
    cutoff = PASS * min(1.0, up / down)  # relative to the input's Nyquist frequency
    reach = math.ceil(ZEROS / cutoff)
    phases = _phases(up, cutoff, reach)
    padded = np.pad(given, reach + 1)
    length = math.ceil(given.size * up / down)
    out = np.empty(length, dtype=np.float32)
    offsets = np.arange(-reach, reach + 1)
    for first in range(0, length, BLOCK):
        at = np.arange(first, min(first + BLOCK, length)) * down
        window = padded[(at // up + reach + 1)[:, None] + offsets[None, :]]
        out[first : first + at.size] = np.einsum("ij,ij->i", window, phases[at % up])
    return out


def _phases(up: int, cutoff: float, reach: int) -> Samples:
    """One row of filter taps for each of the `up` places an output can have between two input samples."""
    distance = np.arange(up)[:, None] / up - np.arange(-reach, reach + 1)[None, :]
    inside = np.clip(1.0 - (distance / (reach + 1)) ** 2, 0.0, None)
    taps = cutoff * np.sinc(cutoff * distance) * np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA)
    row: Samples = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return row
