"""The spoken code of a case: its check digit, and codes that never come twice for one telephone number."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.code import check_digit, complete, valid
from models.store.numbers import BLOCK, CODES, Numbers, Slot, permuted

numbers = st.integers(0, 999_999)


@given(numbers)
def test_a_complete_code_is_seven_digits_and_valid(number: int) -> None:
    code = complete(number)
    assert len(code) == 7 and code.startswith(f"{number:06d}") and valid(code)


@given(numbers, st.integers(0, 6), st.integers(1, 9))
def test_one_wrong_digit_is_found(number: int, place: int, shift: int) -> None:
    code = complete(number)
    wrong = str((int(code[place]) + shift) % 10)
    assert not valid(code[:place] + wrong + code[place + 1 :])


@given(numbers, st.integers(0, 5))
def test_two_neighbours_exchanged_are_found(number: int, place: int) -> None:
    code = complete(number)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert valid(swapped) == (swapped == code)


@pytest.mark.parametrize(
    "code", ["", "1", "123456", "12345678", "12345a7", "１２３４５６７", "1234 67", "-123456"]
)
def test_what_is_no_code_is_not_valid(code: str) -> None:
    assert not valid(code)


@pytest.mark.parametrize("digits", ["", "12a", "²"])
def test_only_digits_have_a_check_digit(digits: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        check_digit(digits)


@pytest.mark.parametrize("number", [-1, 1_000_000])
def test_a_code_has_six_digits(number: int) -> None:
    with pytest.raises(ValueError, match="six"):
        complete(number)


def test_indices_of_one_telephone_number_never_meet() -> None:
    images = [permuted(index, b"k" * 32, b"t" * 16) for index in range(0, CODES, 97)]
    assert len(set(images)) == len(images)
    assert all(0 <= image < CODES for image in images)


def test_codes_look_random() -> None:
    """Neighbouring indices share no visible order, and two telephone numbers have different codes."""
    one, other = ([permuted(index, b"k" * 32, tweak) for index in range(1_000)] for tweak in (b"a", b"b"))
    rising = sum(later > earlier for earlier, later in zip(one, one[1:], strict=False))
    assert 400 < rising < 600
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 5


def test_an_index_that_a_number_had_in_an_earlier_million_is_skipped_for_it_only() -> None:
    numbers = Numbers("n1")
    numbers.begin(b"k" * 32)
    numbers.settle(numbers.wanted(), {}, [Slot(7)])
    first = numbers.take_code("13900000000")
    ((_, digest),) = numbers.wanted().given
    numbers.settle(numbers.wanted(), {}, [Slot(7, (digest,)), Slot(8)])
    assert numbers.take_code("13900000000") != first
    numbers.take_code("13800000000")
    assert [slot for slot, _ in numbers.wanted().given] == [8, 7]


def test_without_a_disk_numbers_are_still_given_and_plain_to_see() -> None:
    numbers = Numbers("n1")
    day = date(2026, 11, 24)
    cases = [numbers.take_case_number(day, 0.0) for _ in range(1_000)]
    assert len(set(cases)) == 1_000
    assert all(case.startswith("20261124-n1-") and len(case) == len("20261124-n1-") + 12 for case in cases)
    assert valid(numbers.take_code("13900000000"))


def test_blocks_are_asked_for_before_they_run_out() -> None:
    numbers = Numbers("n1")
    day = date(2026, 11, 24)
    numbers.want(day)
    numbers.settle(numbers.wanted(), {day: range(1, BLOCK + 1)}, [Slot(index) for index in range(BLOCK)])
    taken = [numbers.take_case_number(day, 0.0) for _ in range(BLOCK // 2 + 1)]
    assert taken[0] == "20261124-n1-00001" and taken[-1] == "20261124-n1-00501"
    assert day in numbers.wanted().days
    assert date(2026, 11, 25) in numbers.wanted().days  # tomorrow's before midnight
