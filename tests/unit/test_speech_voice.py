"""Every stretch of voice is read once, and what no word covers is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ivr.work.suggesting import texts
from speech.api import Spoken, Word
from speech.rules import UNHEARD, unheard
from speech.voice import LEAST, LONGEST, NEAR, PAUSE, Span, missed, turns


def word(start: float, end: float) -> Word:
    return Word(start, end, "字", 0.9)


def spoken(start: float, end: float) -> list[Word]:
    """Words without a gap, four in a second."""
    count = int((end - start) * 4)
    return [word(start + number / 4, start + (number + 1) / 4) for number in range(count)]


def test_a_turn_after_a_pause_is_read_by_itself() -> None:
    voiced = [Span(3.8, 7.0), Span(7.5, 12.9), Span(19.4, 24.9), Span(33.4, 35.1)]
    assert turns(voiced) == [Span(3.8, 12.9), Span(19.4, 24.9), Span(33.4, 35.1)]


def test_a_long_report_is_parted_so_that_each_part_fits_the_recognisers_window() -> None:
    assert turns([Span(0, 20), Span(20.4, 27), Span(27.5, 40)]) == [Span(0, 27), Span(27.5, 40)]


def test_voice_that_words_cover_is_not_missed() -> None:
    assert missed([Span(3.8, 12.9), Span(19.4, 24.9)], [*spoken(3.7, 12.8), *spoken(19.3, 24.6)]) == []


def test_a_turn_without_words_is_missed_whole() -> None:
    turn = Span(33.4, 35.1)
    assert missed([Span(3.8, 12.9), turn], spoken(3.7, 12.8)) == [turn]


def test_the_end_of_a_turn_is_missed_when_its_words_stop_before() -> None:
    assert missed([Span(0.0, 6.0)], spoken(0.0, 3.0)) == [Span(3.0 + NEAR, 6.0)]


def test_a_word_drawn_out_over_seconds_covers_only_what_a_character_can_last() -> None:
    assert missed([Span(0.0, 6.0)], [*spoken(0.0, 1.0), word(1.0, 6.0)]) == [Span(2.0 + NEAR, 6.0)]


def test_neighbours_are_one_mark_unless_words_are_between() -> None:
    assert missed([Span(1.0, 2.0), Span(2.5, 4.0)], []) == [Span(1.0, 4.0)]
    assert missed([Span(1.0, 2.0), Span(2.2, 2.5), Span(2.7, 4.0)], [word(2.25, 2.45)]) == [
        Span(1.0, 2.0),
        Span(2.7, 4.0),
    ]


def test_a_click_of_the_tongue_is_not_missed() -> None:
    assert missed([Span(1.0, 1.0 + LEAST / 2)], []) == []


def test_the_mark_is_never_words() -> None:
    mark = unheard(33.4, 35.1)
    assert (mark.start, mark.end, mark.text) == (33.4, 35.1, UNHEARD)
    assert mark.uncertain
    assert (mark.raw, mark.words, mark.confidence) == ("", [], 0.0)


def test_a_suggestion_never_reads_the_mark() -> None:
    def said(text: str, uncertain: bool) -> Spoken:
        return Spoken(
            channel="citizen", start=0.0, end=1.0, text=text, raw=text, uncertain=uncertain, confidence=0.5
        )

    mark, words, doubted = said(UNHEARD, True), said("路灯坏了", False), said("西春", True)
    assert list(texts([words, mark, doubted])) == ["路灯坏了", "路灯坏了", "路灯坏了。西春"]
    assert list(texts([mark])) == []


@given(st.lists(st.tuples(st.floats(0.01, 5), st.floats(0.1, LONGEST)), max_size=20))
def test_no_voice_is_left_out_of_the_turns(steps: list[tuple[float, float]]) -> None:
    voiced, now = [], 0.0
    for gap, length in steps:
        voiced.append(Span(now + gap, now + gap + length))
        now += gap + length
    found = turns(voiced)
    assert all(any(turn.start <= one.start and one.end <= turn.end for turn in found) for one in voiced)
    assert all(one.end < other.start for one, other in zip(found, found[1:], strict=False))
    for one in found:
        inside = [span for span in voiced if one.start <= span.start and span.end <= one.end]
        assert len(inside) == 1 or one.end - one.start <= LONGEST
        assert all(b.start - a.end < PAUSE for a, b in zip(inside, inside[1:], strict=False))
