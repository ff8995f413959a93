"""Whisper through faster-whisper: the final transcript, after hang-up. Never used while a citizen waits."""

from __future__ import annotations

import math
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.errors import Trouble
from config.language import _
from speech import rules, voice
from speech.api import Heard, Word
from speech.normalise import readable
from speech.resample import resample
from speech.script import simplified

RATE = 16000  # Hz the model was trained at
FRAME = RATE // 100
AROUND = 0.3  # s of the track before and after a turn that are read with it
# The same at the second try: another cut, because the same one only gives the same again (a loop of one sign, say),
# and a narrower one, so that the neighbours' words are not written twice.
AROUND_AGAIN = 0.15
# Measured best on telephone-band Mandarin: without a prompt half comes in traditional script, a beam of 1
# costs two points of error rate, conditioning on earlier text lets one mistake run through the rest of the call.
SETTINGS: dict[str, Any] = {
    "language": "zh",
    "beam_size": 5,
    "temperature": 0.0,
    "condition_on_previous_text": False,
    "initial_prompt": rules.PROMPT,
    "vad_filter": False,  # the turns are cut by `speech.voice`
    "word_timestamps": True,
    "no_repeat_ngram_size": 5,
    "repetition_penalty": 1.05,
    "max_new_tokens": 200,
}


class Whisper:
    """A `speech.api.Recogniser`. int8, one thread unless told otherwise."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Raises `Trouble` when the model cannot be loaded."""
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))
        from faster_whisper import (
            WhisperModel,
        )  # the worker's extra: heavy, and only this process pays for it

        self.model = folder.name
        self.engine = f"faster-whisper {version('faster-whisper')}"
        # Without this file the library would ask the network for one.
        if not (folder / "tokenizer.json").is_file():
            raise Trouble(_("语音模型 {folder} 不完整：缺 tokenizer.json。", folder=folder))
        try:
            self._whisper = WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise Trouble(_("语音模型 {folder} 装不进来：{error}", folder=folder, error=error)) from None

    def read(self, samples: NDArray[Any], rate: int) -> list[Heard]:
        """What is said in `samples`; see `speech.api.Recogniser`."""
        sound = resample(_as_float(samples), rate, RATE)
        voiced = [one for one in voice.stretches(sound, RATE) if _loudest(_cut(sound, one)) >= rules.QUIET]
        heard: list[Heard] = []
        for turn in voice.turns(voiced):
            heard += self._turn(sound, turn, AROUND)
        for left in voice.missed(voiced, _words(heard)):
            heard += self._turn(sound, left, AROUND_AGAIN)
        heard += [rules.unheard(left.start, left.end) for left in voice.missed(voiced, _words(heard))]
        return sorted(heard, key=lambda one: (one.start, one.end))

    def _turn(self, sound: NDArray[np.float32], turn: voice.Span, around: float) -> list[Heard]:
        """What is said between two moments of the track, read with `around` s on both sides."""
        begin = max(0.0, turn.start - around)
        cut = _cut(sound, voice.Span(begin, turn.end + around))
        segments, _info = self._whisper.transcribe(cut, **SETTINGS)
        heard: list[Heard] = []
        for segment in segments:
            level = _loudest(_cut(cut, voice.Span(segment.start, segment.end + 0.01)))
            if not rules.invented(
                segment.text,
                no_speech=segment.no_speech_prob,
                compression=segment.compression_ratio,
                logprob=segment.avg_logprob,
                level=level,
                seconds=segment.end - segment.start,
            ):
                heard += _heard(segment, begin)
        return heard


def _heard(segment: Any, begin: float) -> list[Heard]:
    """A segment of a cut that begins at `begin` s, in the track's time."""
    words = [
        Word(_plain(begin + word.start), _plain(begin + word.end), word.word, _plain(word.probability))
        for word in segment.words or ()
    ]
    confidence = _plain(min(1.0, math.exp(segment.avg_logprob)))
    if not words:
        start, end = _plain(begin + segment.start), _plain(begin + segment.end)
        words = [Word(start, end, segment.text, confidence)]
    found: list[Heard] = []
    for part in rules.utterances(words):
        raw = "".join(word.text for word in part).strip()
        text = readable(simplified(raw))
        if not any(sign.isalnum() for sign in text):
            continue
        found.append(
            Heard(
                start=part[0].start,
                end=part[-1].end,
                text=text,
                raw=raw,
                uncertain=rules.uncertain(text, logprob=segment.avg_logprob),
                confidence=confidence,
                words=[
                    Word(word.start, word.end, simplified(word.text).strip(), word.confidence)
                    for word in part
                ],
            )
        )
    return found


def _words(heard: list[Heard]) -> list[Word]:
    return [word for one in heard for word in one.words]


def _cut(sound: NDArray[np.float32], span: voice.Span) -> NDArray[np.float32]:
    return sound[max(0, int(span.start * RATE)) : int(span.end * RATE)]


def _plain(number: float) -> float:
    """A Python float with four places: the library hands out numpy's, which no JSON writer takes."""
    return round(float(number), 4)


def _as_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    if samples.ndim != 1:
        raise ValueError("one channel at a time")
    if np.issubdtype(samples.dtype, np.integer):
        return (samples / 32768).astype(np.float32)
    return samples.astype(np.float32)


def _loudest(sound: NDArray[np.float32]) -> float:
    """dBFS of the loudest 10 ms."""
    frames = sound[: sound.size // FRAME * FRAME].reshape(-1, FRAME)
    if not frames.size:
        return float("-inf")
    return float(10 * np.log10((frames.astype(np.float64) ** 2).mean(axis=1).max() + 1e-12))
