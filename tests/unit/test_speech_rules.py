"""Which words are believed: the drop rules, the mark of doubt, the parting of turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.api import Word
from speech.rules import GAP, PROMPT, invented, uncertain, utterances

REAL = {"no_speech": 0.1, "compression": 1.0, "logprob": -0.3, "level": -20.0, "seconds": 3.0}


def test_ordinary_speech_is_kept() -> None:
    assert not invented("我们小区门口的路灯坏了三天了", **REAL)


@pytest.mark.parametrize(
    "sign",
    [
        {"no_speech": 0.61},
        {"compression": 2.1},
        {"logprob": -1.3},
        {"level": -60.0},
        {"level": float("-inf")},
    ],
)
def test_each_sign_of_invention_alone_is_enough(sign: dict[str, float]) -> None:
    assert invented("我们小区门口的路灯坏了", **(REAL | sign))


@pytest.mark.parametrize("limit", [{"no_speech": 0.52}, {"compression": 1.19}, {"logprob": -0.83}])
def test_the_extremes_of_real_speech_are_kept(limit: dict[str, float]) -> None:
    assert not invented("我们小区门口的路灯坏了", **(REAL | limit))


@pytest.mark.parametrize(
    "text", [PROMPT, "以下是普通话", "普通话的句子", f"{PROMPT}谢谢", "", "。。。", "  "]
)
def test_the_prompt_said_back_and_nothing_at_all_are_dropped(text: str) -> None:
    assert invented(text, **REAL)


@pytest.mark.parametrize(
    "text", ["请不吝点赞 订阅 转发 打赏支持明镜与点点栏目", "字幕志愿者 杨茜茜", "谢谢观看"]
)
def test_what_subtitles_taught_it_is_dropped(text: str) -> None:
    assert invented(text, **REAL)


def test_an_answer_of_one_character_of_the_prompt_stays_but_is_doubted() -> None:
    assert not invented("是。", **(REAL | {"seconds": 0.4}))
    assert uncertain("是。", logprob=-0.1)
    assert not uncertain("好。", logprob=-0.1)


def test_an_ending_squeezed_into_a_moment_is_dropped_only_when_it_is_doubted_too() -> None:
    assert invented("谢谢", **(REAL | {"seconds": 0.14, "logprob": -0.83}))
    assert not invented("谢谢", **(REAL | {"seconds": 0.14, "logprob": -0.2}))


def test_doubt_begins_below_half() -> None:
    assert uncertain("西春公园", logprob=-0.51)
    assert not uncertain("西春公园", logprob=-0.49)


def test_turns_are_parted_where_nothing_was_said_for_a_second() -> None:
    words = [Word(0.0, 0.3, "路", 1.0), Word(0.4, 0.6, "灯", 1.0), Word(1.7, 2.0, "坏", 1.0)]
    assert ["".join(word.text for word in part) for part in utterances(words)] == ["路灯", "坏"]


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.01, 1)), max_size=30))
def test_no_word_is_lost_or_moved_by_parting(steps: list[tuple[float, float]]) -> None:
    words, now = [], 0.0
    for gap, length in steps:
        words.append(Word(now + gap, now + gap + length, "字", 0.9))
        now += gap + length
    parts = utterances(words)
    assert [word for part in parts for word in part] == words
    for part, following in zip(parts, parts[1:], strict=False):
        assert following[0].start - part[-1].end > GAP
