"""Text made alike, numbers read, errors counted, sampling rates changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.normalise import comparable, distance, readable, spoken_number
from speech.resample import resample


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("我们小区 的路灯,１８号楼坏了 !", "我们小区的路灯，18号楼坏了！"),
        ("請問 什么 时候来水?", "請問什么时候来水？"),
        ("  喂，，你好。。  ", "喂，你好。"),
        ("好的.谢谢.", "好的。谢谢。"),
        ("3.5吨,编号A12", "3.5吨，编号A12"),
        ("10:30 开会", "10:30开会"),
        ("\ufffd你好\x00", "你好"),
        ("", ""),
    ],
)
def test_text_is_written_as_people_write_it(raw: str, wanted: str) -> None:
    assert readable(raw) == wanted


@given(st.text(max_size=80))
def test_what_is_readable_stays_as_it_is(text: str) -> None:
    assert readable(readable(text)) == readable(text)


@pytest.mark.parametrize(
    ("digits", "said"),
    [("0", "零"), ("7", "七"), ("10", "十"), ("18", "十八"), ("105", "一百零五"), ("110", "一百一十"),
     ("2000", "二千"), ("2005", "二千零五"), ("2050", "二千零五十"), ("05", "零五"), ("13800", "一三八零零"),
     ("3.14", "三点一四")],
)  # fmt: skip
def test_numbers_are_compared_as_they_are_read(digits: str, said: str) -> None:
    assert spoken_number(digits) == said


def test_marks_width_and_ways_to_say_one_do_not_count_as_errors() -> None:
    assert comparable("１８号楼，两个人！50%") == comparable("十八号楼二个人百分之五十")
    assert comparable("幺三八") == comparable("一三八")


@given(st.text("路灯坏了水", max_size=8), st.text("路灯坏了水", max_size=8))
def test_the_distance_counts_single_changes(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


@pytest.mark.parametrize(("rate", "to"), [(8000, 16000), (24000, 8000), (44100, 8000), (16000, 8000)])
def test_a_tone_keeps_its_height_its_strength_and_its_place(rate: int, to: int) -> None:
    hertz = 1000.0
    sound = np.sin(2 * np.pi * hertz * np.arange(rate) / rate).astype(np.float32)
    out = resample(sound, rate, to)
    assert out.size == to
    wanted = np.sin(2 * np.pi * hertz * np.arange(to) / to)
    middle = slice(to // 10, -to // 10)
    assert np.abs(out[middle] - wanted[middle]).max() < 0.002


def test_what_a_telephone_cannot_carry_is_gone_and_not_folded_down() -> None:
    sound = np.sin(2 * np.pi * 5000 * np.arange(24000) / 24000).astype(np.float32)
    assert np.abs(resample(sound, 24000, 8000)[400:-400]).max() < 0.001


def test_nothing_and_the_same_rate_are_given_back() -> None:
    assert resample(np.zeros(0, np.float32), 8000, 16000).size == 0
    same = np.ones(5, np.float32)
    assert resample(same, 8000, 8000) is same
