"""Where in a track somebody speaks, which of it is read in one go, and what of it no word covers.

The detector is Silero's, part of faster-whisper: on silence, hiss, ringing, busy tones, keys, knocks and music it
finds no voice (probability ≤ 0.51, for one frame), so whatever it finds and nobody read must be listened to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from speech.api import Word

LONGEST = 28.0  # s read in one go: the recogniser's window is 30 s, and the cut is wider than the voice
PAUSE = 1.0  # s of silence after which a turn is read by itself
BREATH = 0.3  # s of silence inside a stretch of voice
LEAST = 0.4  # s of voice: shorter ones are clicks of the tongue and breaths
NEAR = 0.25  # s by which a recognised word may miss the sound it stands for
WORD = 1.0  # s: one Chinese character lasts no longer, whatever the recogniser says


class Span(NamedTuple):
    """A stretch of a track, in seconds."""

    start: float
    end: float


def stretches(sound: NDArray[Any], rate: int) -> list[Span]:
    """Where there is a voice in `sound` (mono, float, 16 kHz), in order; none longer than `LONGEST`."""
    from faster_whisper.vad import get_speech_timestamps  # loads the detector: only the reading process does

    found = get_speech_timestamps(
        sound,
        sampling_rate=rate,
        min_silence_duration_ms=int(BREATH * 1000),
        max_speech_duration_s=LONGEST,
        speech_pad_ms=0,
    )
    return [Span(one["start"] / rate, one["end"] / rate) for one in found]


def turns(voiced: Iterable[Span]) -> list[Span]:
    """Stretches of voice joined to what is read in one go: parted at each `PAUSE`, none longer than `LONGEST`.

    One turn at a time, because the recogniser sometimes ends its window after the first turn in it and loses all
    others.
    """
    found: list[Span] = []
    for span in voiced:
        if found and span.start - found[-1].end < PAUSE and span.end - found[-1].start <= LONGEST:
            found[-1] = Span(found[-1].start, span.end)
        else:
            found.append(span)
    return found


def missed(voiced: Iterable[Span], words: Iterable[Word]) -> list[Span]:
    """What of the voice no word covers: pieces of at least `LEAST` s, neighbours joined unless words are between."""
    covers = sorted(Span(word.start - NEAR, min(word.end, word.start + WORD) + NEAR) for word in words)
    found: list[Span] = []
    for span in voiced:
        for piece in _without(span, covers):
            if piece.end - piece.start < LEAST:
                continue
            last = found[-1] if found else None
            if last and piece.start - last.end < PAUSE and not _any_between(last, piece, covers):
                found[-1] = Span(last.start, piece.end)
            else:
                found.append(piece)
    return found


def _without(span: Span, covers: Sequence[Span]) -> list[Span]:
    """What is left of `span`; `covers` in order of their starts."""
    left: list[Span] = []
    at = span.start
    for cover in covers:
        if cover.start >= span.end:
            break
        if cover.start > at:
            left.append(Span(at, cover.start))
        at = max(at, cover.end)
    if at < span.end:
        left.append(Span(at, span.end))
    return left


def _any_between(one: Span, other: Span, covers: Sequence[Span]) -> bool:
    return any(cover.start < other.start and cover.end > one.end for cover in covers)
