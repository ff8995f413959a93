"""Character error rate of the transcript on real voices in the band of a telephone.

`python -m bench.speech_cer MODEL_FOLDER [CLIPS]`; the voices: see `DATA`. The last line is
`clips N characters N cer X uncertain N cpu_s_per_minute X`.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from speech.normalise import comparable, distance
from speech.resample import resample
from speech.whisper import Whisper

DATA = (
    Path(os.environ.get("MINSHENG_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    / "aishell_sample"
)


def telephone(path: Path) -> NDArray[np.int16]:
    """A clip as a telephone carries it: 8 kHz, A-law."""
    samples, rate = soundfile.read(path, dtype="float32")
    coded = io.BytesIO()
    soundfile.write(coded, resample(samples, rate, 8000), 8000, format="WAV", subtype="ALAW")
    coded.seek(0)
    heard, _rate = soundfile.read(coded, dtype="int16")
    return np.asarray(heard, dtype=np.int16)


def main() -> None:
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    with (DATA / "manifest.tsv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    rows = rows[:: max(1, len(rows) // count)][:count]
    whisper = Whisper(Path(sys.argv[1]))
    errors = characters = unsure = 0
    seconds = cpu = 0.0
    for name, _speaker, text in rows:
        sound = telephone(DATA / name)
        began = time.process_time()
        heard = whisper.read(sound, 8000)
        cpu += time.process_time() - began
        seconds += sound.size / 8000
        wanted, got = comparable(text), comparable("".join(one.text for one in heard))
        wrong = distance(wanted, got)
        errors, characters = errors + wrong, characters + len(wanted)
        unsure += sum(one.uncertain for one in heard)
        print(f"{wrong:3}/{len(wanted):3}  {text}  |  {got}")
    print(
        f"clips {len(rows)} characters {characters} cer {errors / characters:.3f} uncertain {unsure} "
        f"cpu_s_per_minute {cpu / seconds * 60:.1f}"
    )


if __name__ == "__main__":
    main()
