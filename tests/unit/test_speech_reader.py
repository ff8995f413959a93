"""The reading process seen from the worker: answers, refusals, crashes."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from speech import transcribe
from speech.api import Heard, Job, Result, Track, Word
from speech.reader import Reader, ReaderDied, ReaderFailed

ECHO = """
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    if job["id"] == "die": sys.exit(3)
    if job["id"] == "hang": import time; time.sleep(60)
    if job["id"] == "half": sys.stdout.write('{"id":'); sys.stdout.flush(); sys.exit(0)
    if job["id"] == "bad": print(json.dumps({"id": "bad", "error": "读不了"}), flush=True); continue
    print(json.dumps({"id": job["id"], "engine": job["model"], "seconds": 1.5}), flush=True)
"""


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader(Path("/models/whisper-base"), program=[sys.executable, "-c", ECHO])
    yield made
    made.close()


def test_a_job_is_answered(reader: Reader) -> None:
    result = reader.read(reader.job("call-1", []))
    assert result == Result(id="call-1", engine="/models/whisper-base", seconds=1.5)


@pytest.mark.parametrize("how", ["die", "half"])
def test_a_crash_is_told_and_the_next_job_finds_a_new_process(reader: Reader, how: str) -> None:
    with pytest.raises(ReaderDied):
        reader.read(reader.job(how, []))
    assert reader.read(reader.job("call-2", [])).id == "call-2"


def test_a_process_that_hangs_is_ended(reader: Reader) -> None:
    with pytest.raises(ReaderDied):
        reader.read(reader.job("hang", []), within=0.3)
    assert reader.read(reader.job("call-3", [])).id == "call-3"


def test_a_refusal_carries_its_sentence_and_keeps_the_process(reader: Reader) -> None:
    with pytest.raises(ReaderFailed, match="读不了"):
        reader.read(reader.job("bad", []))
    assert reader.read(reader.job("call-4", [])).id == "call-4"


def test_closing_ends_a_job_under_way(reader: Reader) -> None:
    threading.Timer(0.3, reader.close).start()
    with pytest.raises(ReaderDied):
        reader.read(reader.job("hang", []))
    with pytest.raises(ReaderDied):
        reader.read(reader.job("call-5", []))


PARENT = """
import os, subprocess, sys, time
program = [sys.executable, "-P", "-m", "speech.transcribe", str(os.getpid())]
child = subprocess.Popen(program, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_the_reading_process_does_not_outlive_its_worker() -> None:
    """Its standard input stays open here: it must notice the death by itself."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdin and parent.stdout
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(pid)
    parent.stdin.close()
    parent.stdout.close()


class Loud:
    """A recogniser that tells what it was given."""

    engine, model = "loud 1", "none"

    def read(self, samples: np.ndarray, rate: int) -> list[Heard]:
        loudest = int(np.abs(samples).max(initial=0))
        word = Word(0.5, 1.0, str(loudest), 0.9)
        one = Heard(
            start=0.5, end=1.0, text=str(loudest), raw="raw", uncertain=False, confidence=0.9, words=[word]
        )
        return [one] if loudest else []


@pytest.fixture
def transcriber(monkeypatch: pytest.MonkeyPatch) -> transcribe.Transcriber:
    made = transcribe.Transcriber()
    monkeypatch.setattr(made, "_load", lambda job: Loud())
    return made


def stereo(path: Path, left: int, right: int) -> str:
    soundfile.write(path, np.tile(np.array([[left, right]], np.int16), (8000, 1)), 8000)
    return str(path)


def test_each_track_is_read_by_itself_and_put_into_the_calls_time(
    transcriber: transcribe.Transcriber, tmp_path: Path
) -> None:
    call, leg = stereo(tmp_path / "call.flac", 100, 200), stereo(tmp_path / "leg.flac", 300, 400)
    tracks = [
        Track(channel="operator", path=leg, shift=4.25),
        Track(channel="citizen", path=call, index=0),
        Track(channel="nobody", path=stereo(tmp_path / "silence.flac", 0, 0)),
    ]
    result = transcriber.read(Job(id="x", tracks=tracks, model="m"))
    assert [(one.channel, one.start, one.end, one.text) for one in result.segments] == [
        ("citizen", 0.5, 1.0, "100"),
        ("operator", 4.75, 5.25, "300"),
    ]
    assert result.segments[1].words == [Word(4.75, 5.25, "300", 0.9)]
    assert result.seconds == 3.0


def test_unreadable_sound_is_this_jobs_error_only(
    transcriber: transcribe.Transcriber, tmp_path: Path
) -> None:
    rubbish = tmp_path / "rubbish.flac"
    rubbish.write_bytes(b"no sound at all")
    for track in (
        Track(channel="citizen", path=str(rubbish)),
        Track(channel="citizen", path=str(tmp_path / "missing.flac")),
        Track(channel="citizen", path=stereo(tmp_path / "two.flac", 1, 1), index=2),
    ):
        result = transcriber.read(Job(id="x", tracks=[track], model="m"))
        assert "Traceback" not in result.error
        assert result.error


def test_every_line_gets_a_line_even_one_that_is_no_job(tmp_path: Path) -> None:
    jobs = io.BytesIO(b"rubbish\n" + msgspec.json.encode(Job(id="a", tracks=[], model=str(tmp_path))) + b"\n")
    results = io.BytesIO()
    transcribe.serve(jobs, results)
    answers = [msgspec.json.decode(line, type=Result) for line in results.getvalue().splitlines()]
    assert [bool(answer.error) for answer in answers] == [True, True]  # no model in an empty folder
    assert answers[1].id == "a"
