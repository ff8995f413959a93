"""At set-up: the shipped prompts as WAV files that Asterisk plays without decoding."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from config.errors import Trouble
from config.language import _
from speech.prompts import catalogue
from speech.prompts.sound import RATE
from speech.resample import resample


def install(target: Path, language: str = "zh", own: Path | None = None) -> int:
    """Write `<target>/<id>.wav` (16-bit, 8 kHz, mono) for each prompt; those already right are left alone.

    `own`: a folder where the city's own recordings (`<id>.wav` or `.flac`, any rate) take the place of ours.
    Returns how many were written. Each appears whole or not at all, so a call may be playing meanwhile.
    Raises `Trouble` when a sound is missing or damaged, or the target cannot be written.
    """
    written = 0
    try:
        target.mkdir(parents=True, exist_ok=True)
        for prompt_id in catalogue.load(language).prompts:
            wav = _own(prompt_id, own) or _shipped(prompt_id, language)
            path = target / f"{prompt_id}.wav"
            if path.exists() and _digest(path.read_bytes()) == _digest(wav):
                continue
            part = path.with_suffix(".part")
            part.write_bytes(wav)
            part.replace(path)
            written += 1
    except OSError as error:
        raise Trouble(
            _("提示音写不到 {target}：{error}", target=target, error=error.strerror or error)
        ) from error
    return written


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _shipped(prompt_id: str, language: str) -> bytes:
    try:
        flac = io.BytesIO(catalogue.sound(prompt_id, language).read_bytes())
        samples, rate = soundfile.read(flac, dtype="int16")
    except (OSError, soundfile.LibsndfileError):
        raise Trouble(_("随程序带的提示音 {id} 缺失或损坏，请重新安装程序。", id=prompt_id)) from None
    return _wav(samples, rate)


def _own(prompt_id: str, folder: Path | None) -> bytes | None:
    for name in (f"{prompt_id}.wav", f"{prompt_id}.flac"):
        path = folder / name if folder else None
        if path is None or not path.exists():
            continue
        try:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except (OSError, soundfile.LibsndfileError):
            raise Trouble(_("本市自录的提示音 {path} 读不了。", path=path)) from None
        sound = np.clip(resample(samples.mean(axis=1), rate, RATE), -1.0, 1.0)
        return _wav(np.round(sound * 32767).astype(np.int16), RATE)
    return None


def _wav(samples: NDArray[np.int16], rate: int) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()
