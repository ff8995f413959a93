"""The voice that speaks the prompts: Kokoro-82M (Apache-2.0) as an ONNX model, with voice tables; build time only."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from config.errors import Trouble
from config.language import _

RATE = 24000  # Hz of what the model makes
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"


class Kokoro:
    """`folder` holds `model.onnx`, `vocab.json` (sign → number), `voices/<name>.bin` (510 × 256 float32)."""

    def __init__(self, folder: Path) -> None:
        """Raises `Trouble` when the model is missing or is another one."""
        path = folder / "model.onnx"
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != MODEL_SHA256:
            raise Trouble(_("{path} 不是制作提示音用的 Kokoro 模型。", path=path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._numbers: dict[str, int] = json.loads((folder / "vocab.json").read_text("utf-8"))["vocab"]
        self._voices = folder / "voices"

    def voice(self, name: str) -> NDArray[np.float32]:
        """A voice, or the weighted sum of two as `first*0.6+second*0.4`: a new speaker."""
        table = np.zeros((510, 256), np.float32)
        for part in name.split("+"):
            voice, _star, weight = part.partition("*")
            values = np.fromfile(self._voices / f"{voice}.bin", dtype="<f4").reshape(510, 256)
            table += values * np.float32(weight or 1.0)
        return table

    def speak(self, signs: str, voice: str, speed: float) -> NDArray[np.float32]:
        """The sound of one sentence, at `RATE`. Raises `ValueError` for a sign the model does not know."""
        unknown = set(signs) - set(self._numbers)
        if unknown:
            raise ValueError(f"unknown to the voice: {sorted(unknown)}")
        numbers = [self._numbers[sign] for sign in signs]
        sound = self._session.run(
            None,
            {
                "tokens": np.array([[0, *numbers, 0]], dtype=np.int64),
                "style": self.voice(voice)[len(numbers)][None, :],
                "speed": np.array([speed], dtype=np.float32),
            },
        )[0]
        return np.asarray(sound, dtype=np.float32).ravel()
