"""What the line says: every text has its sound, and every sound is fit for a telephone."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from config.errors import Trouble
from speech.prompts import catalogue, install
from speech.prompts.reading import LONGEST, sentences, syllable
from speech.prompts.sound import levels, loudness

RATE = 8000
ROOT = Path(__file__).resolve().parents[2]
PROMPTS = catalogue.load().prompts
WORDS = [name for name, prompt in PROMPTS.items() if prompt.text]


def samples(prompt_id: str) -> np.ndarray:
    data, rate = soundfile.read(str(catalogue.sound(prompt_id)), dtype="int16", always_2d=True)
    assert rate == RATE
    assert data.shape[1] == 1
    return data[:, 0]


@pytest.mark.parametrize("prompt_id", PROMPTS)
def test_each_prompt_is_a_whole_sound_without_clicks(prompt_id: str) -> None:
    sound = samples(prompt_id)
    full = np.abs(sound.astype(int))
    assert full.max() < 0.75 * 32768, "room for the coders behind us"
    assert full[: RATE // 1000].max() < 100, "begins in silence"
    assert full[-RATE // 1000 :].max() < 100, "ends in silence"
    lead = np.flatnonzero(levels(sound / 32768, RATE) > 0.002)[0] * 0.01
    assert lead <= 0.1
    assert 0.2 <= sound.size / RATE <= 20.0


@pytest.mark.parametrize("prompt_id", WORDS)
def test_all_words_are_equally_loud(prompt_id: str) -> None:
    assert -22.0 <= loudness(samples(prompt_id) / 32768) <= -18.0


@pytest.mark.parametrize("prompt_id", WORDS)
def test_no_word_is_cut_off_at_its_end(prompt_id: str) -> None:
    """The last 30 ms are far below the loudest frame: the sound died away, it was not cut."""
    rms = levels(samples(prompt_id) / 32768, RATE)
    assert rms[-3:].max() < 0.03 * rms.max()


def test_the_notice_is_said_within_four_seconds() -> None:
    assert samples("notice").size <= 4 * RATE


def test_no_sentence_is_longer_than_the_voice_can_carry() -> None:
    for prompt in PROMPTS.values():
        assert all(len(part) <= LONGEST for part in sentences(prompt.spoken))
    with pytest.raises(ValueError, match="longer"):
        sentences("好" * (LONGEST + 1) + "。")


def test_syllables_become_the_signs_the_voice_knows() -> None:
    assert [syllable(one) for one in ("zhong1", "shi4", "lu4", "lü3", "er4", "jiang3", "xiong2", "de5", "yuan2")] == [
        "ꭧʊ→ŋ", "ʂɨ↘", "lu↘", "ly↓", "ɚ↘", "ʨja↓ŋ", "ɕjʊ↗ŋ", "tɤ", "ɥɛ↗n",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no syllable"):
        syllable("xyz4")


def test_every_prompt_the_program_asks_for_is_in_the_catalogue() -> None:
    asked: set[str] = set()
    for path in (ROOT / "ivr").rglob("*.py"):
        for names in re.findall(r"\.sound\(([^()]*)\)", path.read_text("utf-8")):
            asked |= set(re.findall(r'(?<![f=] )(?<!f)"([a-z_0-9]+)"', names))
    for path in (ROOT / "dialplan" / "templates").iterdir():
        asked |= set(re.findall(r"\{sounds\}/([a-z_0-9]+)", path.read_text("utf-8")))
    assert "notice" in asked
    assert asked <= set(PROMPTS)


def test_no_prompt_is_kept_that_nothing_plays() -> None:
    told = "\n".join(path.read_text("utf-8") for path in (ROOT / "ivr").rglob("*.py"))
    dialled = "\n".join(path.read_text("utf-8") for path in (ROOT / "dialplan" / "templates").iterdir())
    made_up = {f"{before}_{question}" for before in ("ask", "said") for question in ("what", "where", "when")}
    made_up |= {f"d{digit}" for digit in range(10)}
    unplayed = {
        name for name in set(PROMPTS) - made_up if f'"{name}"' not in told and f"/{name}" not in dialled
    }
    assert unplayed == set()


def test_no_shipped_sound_is_without_a_text() -> None:
    shipped = {
        Path(str(file)).stem for file in (catalogue.folder() / "zh").iterdir() if str(file).endswith(".flac")
    }
    assert shipped == set(PROMPTS)


def test_the_callback_says_nothing_of_the_matter_before_the_key() -> None:
    hello = PROMPTS["cb_hello"].text
    assert "录音" in hello
    assert not any(word in hello for word in ("工单", "反映", "办理", "解决", "编号"))


def test_install_writes_each_prompt_once_and_again_only_when_changed(tmp_path: Path) -> None:
    target = tmp_path / "sounds" / "zh"
    assert install.install(target) == len(PROMPTS)
    assert install.install(target) == 0
    data, rate = soundfile.read(target / "notice.wav", dtype="int16")
    assert rate == RATE
    assert np.array_equal(data, samples("notice"))
    assert soundfile.info(target / "notice.wav").subtype == "PCM_16"
    before = hashlib.sha256((target / "beep.wav").read_bytes()).digest()
    (target / "beep.wav").write_bytes(b"half")
    (target / "d1.wav").unlink()
    assert install.install(target) == 2
    assert hashlib.sha256((target / "beep.wav").read_bytes()).digest() == before
    assert not list(target.glob("*.part"))


def test_the_citys_own_recording_takes_the_place_of_ours(tmp_path: Path) -> None:
    own, target = tmp_path / "own", tmp_path / "out"
    own.mkdir()
    soundfile.write(own / "busy.wav", np.full((24000, 2), 0.25, np.float32), 24000)
    install.install(target, own=own)
    data, rate = soundfile.read(target / "busy.wav", dtype="int16")
    assert (rate, data.shape) == (RATE, (8000,))
    assert abs(int(data[4000]) - 8192) < 10
    (own / "d1.flac").write_bytes(b"rubbish")
    with pytest.raises(Trouble, match="d1"):
        install.install(target, own=own)


def test_a_damaged_sound_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "prompts"
    shutil.copytree(str(catalogue.folder()), folder)
    (folder / "zh" / "busy.flac").write_bytes(b"fLaC rubbish")
    monkeypatch.setattr(catalogue, "folder", lambda: folder)
    with pytest.raises(Trouble, match="busy"):
        install.install(tmp_path / "out")


def test_a_target_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    with pytest.raises(Trouble, match="file"):
        install.install(tmp_path / "file" / "zh")


def test_the_version_follows_the_words() -> None:
    notice = PROMPTS["notice"]
    assert notice.version == catalogue.load().prompts["notice"].version
    assert notice.version != notice.model_copy(update={"text": notice.text + "。"}).version
