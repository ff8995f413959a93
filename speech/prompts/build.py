"""Makes the shipped sounds from the texts: `python -m speech.prompts.build --kokoro FOLDER [ID …]`.

Needs the extra `prompts`. FOLDER: see `speech.prompts.kokoro`; config/prompts/NOTICE.md says where its parts
come from. The same texts, voices and model make the same samples, up to the processor's rounding.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from speech.prompts import catalogue, reading, sound
from speech.prompts.kokoro import RATE, Kokoro

ROOT = Path(__file__).resolve().parents[2]


def say(kokoro: Kokoro, text: str, voice: str, speed: float, tail: float = 0.08) -> NDArray[np.int16]:
    """`text` as an 8 kHz prompt."""
    readings = catalogue.load().readings
    spoken = [kokoro.speak(reading.signs(part, readings), voice, speed) for part in reading.sentences(text)]
    return sound.prompt(spoken, RATE, tail)


def build_prompts(kokoro: Kokoro, only: list[str]) -> None:
    """Write the FLACs of the catalogue, or of the ids named."""
    shipped = catalogue.load()
    for prompt in shipped.prompts.values():
        if only and prompt.id not in only:
            continue
        if prompt.tone:
            samples = sound.tones(prompt.tone)
        else:
            samples = say(
                kokoro,
                prompt.spoken,
                prompt.voice or shipped.voice,
                prompt.speed or shipped.speed,
                prompt.tail,
            )
        _write(ROOT / "config" / "prompts" / "zh" / f"{prompt.id}.flac", samples)


def build_demo(kokoro: Kokoro, only: list[str]) -> None:
    """Write what the people of the demo say: `demo/speech/lines.toml`."""
    folder = ROOT / "demo" / "speech"
    told = tomllib.loads((folder / "lines.toml").read_text("utf-8"))
    for name, line in told["lines"].items():
        if not only or name in only:
            _write(
                folder / f"{name}.flac",
                say(kokoro, line["text"], line["voice"], line.get("speed", told["speed"])),
            )


def _write(path: Path, samples: NDArray[np.int16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, sound.RATE, format="FLAC", subtype="PCM_16")
    print(f"{path.name:24} {len(samples) / sound.RATE:6.2f} s  {sound.loudness(samples / 32768):6.1f} dBFS")


def main() -> None:
    parser = argparse.ArgumentParser(description="make the shipped prompts and the demo's speech")
    parser.add_argument("--kokoro", type=Path, required=True)
    parser.add_argument("--demo", action="store_true", help="the demo's speech instead of the prompts")
    parser.add_argument("ids", nargs="*")
    given = parser.parse_args()
    kokoro = Kokoro(given.kokoro)
    (build_demo if given.demo else build_prompts)(kokoro, given.ids)


if __name__ == "__main__":
    main()
