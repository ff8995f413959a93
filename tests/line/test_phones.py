"""The phones themselves, one calling the other on loopback: real SIP, real RTP, nothing of the product."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demo.phones import Phone
from demo.phones_talk import CallOver, PhoneTrouble, TooLate

SPEECH = Path(__file__).parents[2] / "demo" / "speech"


@pytest.fixture
async def citizen(tmp_path: Path) -> AsyncIterator[Phone]:
    async with Phone("13859912345", name="citizen", address="127.0.0.2", folder=tmp_path) as phone:
        yield phone


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Phone]:
    async with Phone("op1", name="other", address="127.0.0.3", folder=tmp_path) as phone:
        yield phone


def uri(phone: Phone, user: str = "110") -> str:
    return f"sip:{user}@{phone.address}:{phone.port}"


def strength(path: Path, hertz: float, begins: float, seconds: float = 0.5) -> float:
    """The share of this tone in the energy of a stretch of a recording, 0 to 1."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).astype(float)
    part = samples[int(begins * 8000) : int((begins + seconds) * 8000)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    nearby = np.abs(np.fft.rfftfreq(len(part), 1 / 8000) - hertz) < 15
    return float(spectrum[nearby].sum() / spectrum.sum())


async def test_tones_are_heard_both_ways_and_recorded(citizen: Phone, other: Phone) -> None:
    await other.manner(answer_after=0.2)
    here = await citizen.call(uri(other))
    await here.ringing(within=5)
    await here.answered(within=5)
    there = await other.next_call(within=1)
    assert there.caller == "13859912345"
    await here.tone(440, 1.5)
    await there.tone(1000, 1.5)
    from_other, from_citizen = await here.heard_speech(within=10), await there.heard_speech(within=10)
    await here.hang_up()
    assert (await there.ended(within=5)).by == "there"
    assert strength(here.recorded, 1000, from_other.begins + 0.3) > 0.95
    assert strength(there.recorded, 440, from_citizen.begins + 0.3) > 0.95
    assert 1.2 < from_citizen.ends - from_citizen.begins < 1.8


async def test_a_sound_file_of_another_rate_is_spoken_whole(
    citizen: Phone, other: Phone, tmp_path: Path
) -> None:
    time = np.arange(3 * 44100) / 44100
    stereo = np.column_stack([0.5 * np.sin(2 * np.pi * 700 * time)] * 2)
    soundfile.write(tmp_path / "words.flac", stereo, 44100)
    await other.manner(answer_after=0.0)
    here = await citizen.call(uri(other))
    await here.answered(within=5)
    assert await here.say(tmp_path / "words.flac") == pytest.approx(3.0, abs=0.01)
    there = other.talk
    heard = await there.heard_speech(within=5)
    assert heard.ends - heard.begins == pytest.approx(3.0, abs=0.3)
    assert strength(there.recorded, 700, heard.begins + 0.5, 2.0) > 0.95


async def test_what_is_no_sound_is_refused_in_words(citizen: Phone, other: Phone, tmp_path: Path) -> None:
    (tmp_path / "words.wav").write_text("not a sound")
    await other.manner(answer_after=0.0)
    here = await citizen.call(uri(other))
    await here.answered(within=5)
    with pytest.raises(PhoneTrouble, match=r"words\.wav"):
        await here.say(tmp_path / "words.wav")


async def test_keys_pressed_on_one_are_heard_by_the_other(citizen: Phone, other: Phone) -> None:
    await other.manner(answer_after=0.0)
    here = await citizen.call(uri(other))
    await here.answered(within=5)
    await here.keys("1290#*")
    await other.talk.hear_keys("1290#*", within=5)


@pytest.mark.parametrize("code", [486, 603, 480, 404, 503])
async def test_a_phone_refuses_with_any_code(citizen: Phone, other: Phone, code: int) -> None:
    await other.manner(refuse_with=code)
    here = await citizen.call(uri(other))
    assert (await here.ended(within=5)).code == code
    with pytest.raises(CallOver):
        await here.answered(within=1)
    assert other.invites == ["13859912345"]


async def test_a_phone_in_a_call_is_busy_and_still_counts_the_invite(
    citizen: Phone, other: Phone, tmp_path: Path
) -> None:
    await other.manner(answer_after=0.0)
    first = await citizen.call(uri(other))
    await first.answered(within=5)
    async with Phone("13700000000", name="third", address="127.0.0.2", folder=tmp_path) as third:
        second = await third.call(uri(other))
        assert (await second.ended(within=5)).code == 486
    assert other.invites == ["13859912345", "13700000000"]
    assert first.closed is None


async def test_nobody_answers_and_the_caller_gives_up(citizen: Phone, other: Phone) -> None:
    here = await citizen.call(uri(other))
    there = await other.next_call(within=5)
    await here.ringing(within=5)
    with pytest.raises(TooLate):
        await here.answered(within=0.5)
    await here.hang_up()
    assert (await there.ended(within=5)).by == "there"
    assert there.answered_at is None


async def test_the_one_who_was_called_hangs_up(citizen: Phone, other: Phone) -> None:
    here = await citizen.call(uri(other))
    there = await other.next_call(within=5)
    await there.answer()
    await here.answered(within=5)
    await there.hang_up()
    assert (await here.ended(within=5)).by == "there"


async def test_a_trunk_line_takes_calls_for_any_number(citizen: Phone, other: Phone) -> None:
    await citizen.manner(answer_after=0.0)
    talk = await other.call(uri(citizen, user="13900009999"))
    await talk.answered(within=5)


async def test_switched_off_in_a_call_it_hangs_up_and_leaves_no_process(
    citizen: Phone, tmp_path: Path
) -> None:
    other = Phone("op1", name="other", address="127.0.0.3", folder=tmp_path)
    async with other:
        await other.manner(answer_after=0.0)
        here = await citizen.call(uri(other))
        await here.answered(within=5)
        process = other._process
        assert process is not None
    assert process.returncode == 0
    assert (await here.ended(within=5)).by == "there"


async def test_a_beep_is_told_from_a_voice(citizen: Phone, other: Phone) -> None:
    await other.manner(answer_after=0.0)
    here = await citizen.call(uri(other))
    await here.answered(within=5)
    await here.tone(1000, 0.3)
    assert (await other.talk.pause(within=5)).beep == pytest.approx(1000, abs=10)
    await here.say(SPEECH / "citizen_3.flac")
    assert (await other.talk.pause(within=5)).beep == 0
