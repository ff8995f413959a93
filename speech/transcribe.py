"""The reading process: `python -P -m speech.transcribe [PARENT]`. One `Job` (`speech.api`) a line in, one `Result` out.

A process of its own, at low priority and on one thread: no call feels it, and its crash costs a retry and
nothing else. The model stays loaded between jobs. It ends when its standard input is closed.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import msgspec
import soundfile

from config.errors import Trouble
from config.language import _
from speech.api import Heard, Job, Recogniser, Result, Spoken, Track

NICENESS = 10


class Transcriber:
    """Keeps the model of the last job."""

    def __init__(self) -> None:
        self._folder = ""
        self._engine: Recogniser | None = None

    def read(self, job: Job) -> Result:
        """Never raises: what goes wrong with a job becomes its `error`."""
        try:
            return self._read(job)
        except Trouble as trouble:
            return Result(id=job.id, error=str(trouble))
        except Exception as error:  # one call's sound must not cost the next one its reader
            return Result(id=job.id, error=_("转写出错：{error}", error=f"{type(error).__name__}: {error}"))

    def _read(self, job: Job) -> Result:
        engine = self._load(job)
        segments: list[Spoken] = []
        seconds = 0.0
        for track in job.tracks:
            heard, length = _track(engine, track)
            segments += [_spoken(one, track) for one in heard]
            seconds += length
        segments.sort(key=lambda segment: (segment.start, segment.end))
        return Result(
            id=job.id, segments=segments, engine=engine.engine, model=engine.model, seconds=round(seconds, 3)
        )

    def _load(self, job: Job) -> Recogniser:
        if self._engine is None or self._folder != job.model:
            from speech.whisper import (
                Whisper,
            )  # imported once the first job is there: an idle reader costs nothing

            self._engine, self._folder = Whisper(Path(job.model), job.threads), job.model
        return self._engine


def _track(engine: Recogniser, track: Track) -> tuple[list[Heard], float]:
    if not Path(track.path).is_file():
        raise Trouble(_("录音 {path} 不在。", path=track.path))
    try:
        samples, rate = soundfile.read(track.path, dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise Trouble(_("录音 {path} 读不了：{error}", path=track.path, error=error)) from None
    if track.index >= samples.shape[1]:
        raise Trouble(_("录音 {path} 没有第 {number} 声道。", path=track.path, number=track.index + 1))
    return engine.read(samples[:, track.index], rate), len(samples) / rate


def _spoken(heard: Heard, track: Track) -> Spoken:
    def moved(seconds: float) -> float:
        return round(max(0.0, seconds + track.shift), 3)

    return Spoken(
        channel=track.channel,
        start=moved(heard.start),
        end=moved(heard.end),
        text=heard.text,
        raw=heard.raw,
        uncertain=heard.uncertain,
        confidence=heard.confidence,
        words=[
            msgspec.structs.replace(word, start=moved(word.start), end=moved(word.end))
            for word in heard.words
        ],
    )


def serve(jobs: BinaryIO, results: BinaryIO) -> None:
    """Answer every line of `jobs` until they end."""
    transcriber = Transcriber()
    for line in jobs:
        try:
            result = transcriber.read(msgspec.json.decode(line, type=Job))
        except msgspec.DecodeError as error:
            result = Result(id="", error=_("任务读不懂：{error}", error=error))
        results.write(msgspec.json.encode(result) + b"\n")
        results.flush()


def _leave_with(parent: int) -> None:
    """A long call must not be read on for a worker that is gone: the next worker starts a reader of its own."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


def main() -> None:
    parent = int(sys.argv[1]) if len(sys.argv) > 1 else os.getppid()  # named: it may be gone before we ask
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    # Whatever a library prints must not land between the results.
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        serve(sys.stdin.buffer, results)


if __name__ == "__main__":
    main()
