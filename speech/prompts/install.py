"""At set-up: the shipped prompts as WAV files that Asterisk plays without decoding."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import soundfile

from config.errors import Trouble
from config.language import _
from speech.prompts import catalogue


def install(target: Path, language: str = "zh") -> int:
    """Write `<target>/<id>.wav` (16-bit, 8 kHz, mono) for each prompt; those already right are left alone.

    Returns how many were written. Each appears whole or not at all, so a call may be playing meanwhile.
    Raises `Trouble` when a shipped sound is missing or damaged, or the target cannot be written.
    """
    written = 0
    try:
        target.mkdir(parents=True, exist_ok=True)
        for prompt_id in catalogue.load(language).prompts:
            wav = _wav(prompt_id, language)
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


def _wav(prompt_id: str, language: str) -> bytes:
    try:
        flac = io.BytesIO(catalogue.sound(prompt_id, language).read_bytes())
        samples, rate = soundfile.read(flac, dtype="int16")
    except (OSError, soundfile.LibsndfileError):
        raise Trouble(_("随程序带的提示音 {id} 缺失或损坏，请重新安装程序。", id=prompt_id)) from None
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()
