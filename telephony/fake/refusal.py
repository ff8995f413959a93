"""How the fake says no: the same statuses and words as Asterisk 22.10.1, measured."""

from __future__ import annotations


class Refusal(Exception):
    """A status that is not 2xx, with Asterisk's message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
