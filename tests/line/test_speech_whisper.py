"""The real recogniser in its real process: words where words were said, none where there were none."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from config.settings import default_cache
from speech import models, rules
from speech.api import Result, Track
from speech.normalise import comparable, distance
from speech.reader import Reader, ReaderFailed

RATE = 8000
FOLDER = Path(__file__).resolve().parents[2] / "demo" / "speech"
LINES = tomllib.loads((FOLDER / "lines.toml").read_text("utf-8"))["lines"]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    made = Reader(models.fetch("whisper-base", default_cache(), lambda _what, _share: None))
    yield made
    made.close()


def read(reader: Reader, *tracks: Track) -> Result:
    return reader.read(reader.job("call", list(tracks)))


def tones(*hertz: float, seconds: float = 6.0, on: float = 1.0, off: float = 1.0) -> NDArray[np.float64]:
    time = np.arange(int(seconds * RATE)) / RATE
    sound = sum((np.sin(2 * np.pi * one * time) for one in hertz), np.zeros_like(time)) / max(1, len(hertz))
    return 0.3 * sound * (time % (on + off) < on)


def music() -> NDArray[np.float64]:
    notes = [262, 330, 392, 523, 392, 330, 294, 349, 440, 349]
    parts = [tones(note, 2 * note, 3 * note, seconds=0.3, on=1, off=0) for note in notes]
    return np.concatenate([part * np.exp(-4 * np.arange(part.size) / RATE) for part in parts * 2])


NO_WORDS = {
    "silence": np.zeros(8 * RATE),
    "hiss": np.random.default_rng(1).normal(0, 0.02, 8 * RATE),
    "loud hiss": np.random.default_rng(2).normal(0, 0.2, 8 * RATE),
    "ringing": tones(450, seconds=10, on=1, off=4),
    "busy": tones(450, on=0.35, off=0.35),
    "keys": tones(697, 1209, on=0.12, off=0.2),
    "music": music(),
    "knocks": np.where(np.arange(6 * RATE) % 4000 < 40, 0.5, 0.0),
}


@pytest.mark.parametrize("name", NO_WORDS)
def test_what_is_no_speech_gives_no_words(reader: Reader, name: str, tmp_path: Path) -> None:
    path = tmp_path / "sound.flac"
    soundfile.write(path, NO_WORDS[name], RATE)
    assert read(reader, Track(channel="citizen", path=str(path))).segments == []


@pytest.mark.parametrize(
    "name", ["citizen_1", "citizen_2", "operator_1", "operator_2", "water", "stalls", "noise"]
)
def test_the_people_of_the_demo_are_understood(reader: Reader, name: str) -> None:
    wanted = comparable(LINES[name]["text"])
    result = read(reader, Track(channel="citizen", path=str(FOLDER / f"{name}.flac")))
    assert distance(comparable("".join(one.text for one in result.segments)), wanted) <= 0.3 * len(wanted)


def test_the_matter_of_the_report_is_heard(reader: Reader) -> None:
    result = read(reader, Track(channel="citizen", path=str(FOLDER / "citizen_1.flac")))
    assert "路灯" in "".join(one.text for one in result.segments)


def lines(*at: tuple[float, str], seconds: float, noise: float = 0.0003) -> NDArray[np.float64]:
    """One person's track: lines of the demo from the seconds named, the last one cut off by the end of the call."""
    track = np.random.default_rng(7).normal(0, noise, int(seconds * RATE))
    for start, name in at:
        sound, _rate = soundfile.read(FOLDER / f"{name}.flac")
        begin = int(start * RATE)
        track[begin : begin + sound.size] += sound[: track.size - begin]
    return track


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ([(3.3, "citizen_1"), (18.8, "citizen_2"), (33.0, "citizen_3")], 35.1),
        ([(1.0, "stalls"), (15.0, "place"), (22.0, "time"), (30.0, "citizen_3")], 34.0),
    ],
)
def test_no_turn_of_a_call_with_pauses_is_lost(
    reader: Reader, said: list[tuple[float, str]], seconds: float, tmp_path: Path
) -> None:
    """The recogniser may end its window after the first turn in it: of the second call it gave one turn of four."""
    soundfile.write(tmp_path / "call.flac", lines(*said, seconds=seconds), RATE)
    result = read(reader, Track(channel="citizen", path=str(tmp_path / "call.flac")))
    begins = [start - 0.5 for start, _name in said] + [seconds]
    for (_start, name), begin, until in zip(said, begins, begins[1:], strict=False):
        text = comparable("".join(one.text for one in result.segments if begin <= one.start < until))
        wanted = comparable(LINES[name]["text"])
        assert distance(text, wanted) <= 0.3 * len(wanted), name
    assert all(one.text != rules.UNHEARD for one in result.segments)


def test_a_voice_that_nobody_can_understand_is_neither_left_out_nor_believed(
    reader: Reader, tmp_path: Path
) -> None:
    three = [lines((0.0, name), seconds=5.0) for name in ("citizen_1", "water", "stalls")]
    quiet = np.zeros(RATE)
    garbled = np.concatenate(
        [quiet, np.sum(three, axis=0)[::-1] / 2, quiet]
    )  # three people at once, backwards
    soundfile.write(tmp_path / "call.flac", garbled, RATE)
    result = read(reader, Track(channel="citizen", path=str(tmp_path / "call.flac")))
    assert all(one.uncertain for one in result.segments)
    assert min(one.start for one in result.segments) < 2.0
    assert max(one.end for one in result.segments) > 5.0


def test_two_people_are_read_each_by_itself_in_the_calls_time(reader: Reader, tmp_path: Path) -> None:
    citizen, _rate = soundfile.read(FOLDER / "citizen_1.flac", dtype="int16")
    operator, _rate = soundfile.read(FOLDER / "operator_1.flac", dtype="int16")
    call = np.zeros((citizen.size + 4 * RATE, 2), np.int16)
    call[4 * RATE :, 0] = citizen
    soundfile.write(tmp_path / "call.flac", call, RATE)
    soundfile.write(tmp_path / "leg.flac", np.column_stack([operator, np.zeros_like(operator)]), RATE)
    result = read(
        reader,
        Track(channel="citizen", path=str(tmp_path / "call.flac")),
        Track(channel="operator", path=str(tmp_path / "leg.flac"), shift=20.0),
    )
    times = {one.channel: one.start for one in result.segments}
    assert set(times) == {"citizen", "operator"}
    first = min(one.start for one in result.segments if one.channel == "citizen")
    assert 3.0 <= first <= 5.5
    assert all(one.start >= 20.0 for one in result.segments if one.channel == "operator")
    for one in result.segments:
        assert one.start <= one.end
        assert one.words
        assert all(0.0 <= word.confidence <= 1.0 for word in one.words)


def test_a_damaged_model_is_one_sentence(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_bytes(b"{}")
    (tmp_path / "model.bin").write_bytes(b"rubbish" * 100)
    broken = Reader(tmp_path)
    try:
        with pytest.raises(ReaderFailed) as told:
            broken.read(broken.job("call", [Track(channel="citizen", path=str(FOLDER / "time.flac"))]))
        assert "\n" not in str(told.value)
    finally:
        broken.close()
