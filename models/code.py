"""The code of a case as it is spoken: six digits and a check digit.

The check digit is Damm's (H. M. Damm, "Total anti-symmetrische Quasigruppen", Marburg 2004): it finds every
single wrong digit and every two neighbours exchanged, which is how people mishear and mistype numbers.
"""

from __future__ import annotations

DIGITS = 6  # without the check digit

# A totally anti-symmetric quasigroup of order 10, zeros on its diagonal: the check of a whole code is 0.
_TABLE = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def check_digit(digits: str) -> str:
    """The digit that makes `digits` valid. Raises `ValueError` for anything but ASCII digits."""
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("only digits have a check digit")
    state = 0
    for digit in digits:
        state = _TABLE[state][int(digit)]
    return str(state)


def complete(number: int) -> str:
    """The spoken code of a number from 0 to 999,999."""
    if not 0 <= number < 10**DIGITS:
        raise ValueError("a code has six digits")
    digits = f"{number:0{DIGITS}d}"
    return digits + check_digit(digits)


def valid(code: str) -> bool:
    """Whether seven digits are a code that may have been given out."""
    return len(code) == DIGITS + 1 and code.isascii() and code.isdigit() and check_digit(code) == "0"
