"""What a phone says and hears: files and tones as 8 kHz samples, the recording, and an ear that notices speech."""

from __future__ import annotations

import wave
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 8000  # Hz
FRAME = 160  # samples, 20 ms
LOUD = 150.0  # root mean square of 16-bit samples (about -47 dB): speech, a tone; not line noise
BEGINS_AFTER = 3  # loud frames of the last five
ENDS_AFTER = 0.6  # s of quiet; the pause inside a sentence is shorter
BEEP = 8  # frames: what is looked at to tell a beep from a voice
PURE = 0.9  # share of the energy at one frequency that makes it a beep
ABOVE = 400.0  # Hz; the end of a vowel can be as pure, but lower

Samples = NDArray[np.int16]


def load(path: Path) -> Samples:
    """A sound file of any kind libsndfile reads, as 8 kHz mono. Raises `soundfile.SoundFileError`, `OSError`."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return _to_int(_resample(sound.mean(axis=1), rate))


def tone(hertz: float, seconds: float, level: float = 0.3) -> Samples:
    """A sine; `level` 1.0 is full scale."""
    time = np.arange(round(seconds * RATE)) / RATE
    return _to_int(level * np.sin(2 * np.pi * hertz * time))


def _to_int(sound: NDArray[np.floating]) -> Samples:
    return np.asarray(np.clip(np.round(sound * 32767), -32768, 32767), dtype=np.int16)


def _resample(sound: NDArray[np.floating], rate: int) -> NDArray[np.floating]:
    """By the spectrum of the whole file: files are seconds long and a band edge at 4 kHz is all we need."""
    if rate == RATE or not len(sound):
        return sound
    length = round(len(sound) * RATE / rate)
    spectrum = np.fft.rfft(sound)[: length // 2 + 1]
    return np.fft.irfft(spectrum, length) * (length / len(sound))


@dataclass(frozen=True)
class Heard:
    """A sound `begins` or `ends`; `second` counts from the answer. At the end: how loud it was, and the frequency
    (Hz) of the beep it ended with, 0 after a voice."""

    what: str
    second: float
    loudness: float = 0.0
    beep: float = 0.0


class Ear:
    """Hears a call: writes it down on the call's own clock, and notices where sound begins and ends."""

    def __init__(self, path: Path) -> None:
        self._file = wave.open(str(path), "wb")  # noqa: SIM115 - closed by close()
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(RATE)
        self._rest = b""
        self._recent: list[bool] = []
        self._tail: deque[NDArray[np.floating]] = deque(maxlen=BEEP)  # the last loud frames
        self._frames = 0
        self._began: int | None = None
        self._last_loud = 0
        self._loudness = 0.0
        self.level = 0.0  # of the last frame

    @property
    def seconds(self) -> float:
        return self._frames * FRAME / RATE

    def hear(self, pcm: bytes) -> Iterator[Heard]:
        self._rest += pcm
        whole = len(self._rest) // (2 * FRAME) * 2 * FRAME
        pcm, self._rest = self._rest[:whole], self._rest[whole:]
        if not pcm:
            return
        self._file.writeframes(pcm)
        for frame in np.frombuffer(pcm, dtype=np.int16).reshape(-1, FRAME).astype(np.float64):
            yield from self._one(frame)

    def fall_behind(self, elapsed: float) -> Iterator[Heard]:
        """Nothing was received: silence, so that the recording keeps to the clock (`elapsed` s since the answer)."""
        missing = int((elapsed - self.seconds) * RATE)
        if missing > 0:
            yield from self.hear(bytes(2 * missing))

    def _one(self, frame: NDArray[np.floating]) -> Iterator[Heard]:
        self.level = level = float(np.sqrt(np.mean(frame * frame)))
        loud = level >= LOUD
        self._recent = [*self._recent[-4:], loud]
        self._frames += 1
        if loud:
            self._last_loud = self._frames
            self._tail.append(frame)
            self._loudness = max(self._loudness, level)
        if self._began is None and sum(self._recent) >= BEGINS_AFTER:
            self._began = self._frames - len(self._recent)
            yield Heard("begins", self._began * FRAME / RATE)
        elif self._began is not None and (self._frames - self._last_loud) * FRAME / RATE >= ENDS_AFTER:
            self._began, loudness, self._loudness = None, self._loudness, 0.0
            yield Heard("ends", self._last_loud * FRAME / RATE, loudness, _beep(self._tail))

    def close(self) -> None:
        self._file.close()


def _beep(frames: deque[NDArray[np.floating]]) -> float:
    """The frequency of a pure tone, 0 for anything else. The last frame is left out: it holds the tone's end."""
    sound = np.concatenate(list(frames)[-BEEP:-1]) if len(frames) > 2 else np.zeros(FRAME)
    energy = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    peak = int(np.argmax(energy))
    near = float(energy[max(0, peak - 3) : peak + 4].sum())
    hertz = peak * RATE / len(sound)
    return hertz if hertz > ABOVE and near > PURE * float(energy.sum()) else 0.0
