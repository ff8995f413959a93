"""Who says what in the demo: the shipped lines of `demo/speech`, or a sound file of the user's."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from config.errors import NotFound, Trouble
from config.language import _
from demo.people import CitizenLines, OperatorLines
from demo.phone_sound import FRAME, LOUD, RATE, load

SPEECH = Path(__file__).parent / "speech"
LONGEST = 60.0  # s of the user's sound


@dataclass(frozen=True)
class Cast:
    """The lines of both, and the words of each file, for the timeline; a file of the user's has none."""

    citizen: CitizenLines
    operator: OperatorLines
    words: dict[str, str]


def cast(audio: Path | None) -> Cast:
    """Raises `NotFound` for a sound that is not there, `Trouble` for one that cannot be read or is too long."""
    words = _words()
    place, when = SPEECH / "place.flac", SPEECH / "time.flac"
    hello = SPEECH / "operator_hello.flac"
    if audio is None:
        replies = (SPEECH / "citizen_2.flac", SPEECH / "citizen_3.flac")
        citizen = CitizenLines(SPEECH / "citizen_1.flac", replies, place, when)
        operator = OperatorLines((SPEECH / "operator_1.flac", SPEECH / "operator_2.flac"), hello)
    else:
        citizen = CitizenLines(audio.absolute(), (), place, when, speechless=not _holds_sound(audio))
        operator = OperatorLines((SPEECH / "operator_noted.flac",), hello)
    return Cast(citizen, operator, words)


def _words() -> dict[str, str]:
    with (SPEECH / "lines.toml").open("rb") as file:
        lines = tomllib.load(file)["lines"]
    return {str(SPEECH / f"{name}.flac"): line["text"] for name, line in lines.items()}


def _holds_sound(audio: Path) -> bool:
    if not audio.is_file():
        raise NotFound(_("没有声音文件 {path}", path=audio))
    try:
        sound = load(audio)
    except (soundfile.SoundFileError, OSError, ValueError):
        raise Trouble(_("{path} 不是能读的声音文件（WAV、FLAC、OGG、MP3 等）", path=audio)) from None
    if len(sound) > LONGEST * RATE:
        raise Trouble(_("{path} 太长：演示中市民最多讲 {longest} 秒", path=audio, longest=round(LONGEST)))
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    return bool(len(frames)) and bool((np.sqrt(np.mean(frames * frames, axis=1)) >= LOUD).sum() >= 10)
