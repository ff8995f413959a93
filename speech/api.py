"""Recognition behind one protocol: types only, so that whoever asks needs no engine."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from numpy.typing import NDArray


class Word(msgspec.Struct, frozen=True):
    """One word, in Chinese one character with the mark behind it. Seconds; `confidence` from 0 to 1."""

    start: float
    end: float
    text: str
    confidence: float


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of speech. `start`, `end`: seconds since the first sample that was given.

    `raw` is what the engine wrote, `text` what people read. `uncertain`: listen rather than believe.
    """

    start: float
    end: float
    text: str
    raw: str
    uncertain: bool
    confidence: float
    words: list[Word] = []


class Recogniser(Protocol):
    """An engine with its model loaded. Blocking; one call at a time."""

    @property
    def engine(self) -> str:
        """Name and version, for the transcript's row."""

    @property
    def model(self) -> str: ...

    def read(self, samples: NDArray[Any], rate: int) -> list[Heard]:
        """What is said in mono `samples` (int16, or float from −1 to 1) at `rate` Hz, in order of time.

        Silence gives an empty list.
        """


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One person's voice: channel `index` of a sound file; `shift` (s) is added to its times."""

    channel: str  # citizen | operator
    path: str
    index: int = 0
    shift: float = 0.0


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One call to be read; `model` is the folder of a model; `threads` counts when it is loaded."""

    id: str
    tracks: list[Track]
    model: str
    threads: int = 1


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A `Heard` with whose words they are, in the call's time."""

    channel: str
    start: float
    end: float
    text: str
    raw: str
    uncertain: bool
    confidence: float
    words: list[Word] = []


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """`segments` in order of time; `seconds` of sound that were read. `error` (a sentence) stands alone."""

    id: str
    segments: list[Spoken] = []
    engine: str = ""
    model: str = ""
    seconds: float = 0.0
    error: str = ""
