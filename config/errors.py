"""What can go wrong in a way that a person must read: one sentence, one exit status."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses of every command, by class (docs/architecture.md lists them)."""

    OK = 0
    BUG = 1  # an unexpected error; a traceback went to the log
    USAGE = 2  # the command line itself
    SETTINGS = 3  # settings or the city file
    NOT_FOUND = 4  # an unknown case, call, operator, model …
    REFUSED = 5  # a step the rules do not allow
    MACHINE = 6  # ports, disk, network, a missing or damaged program or model
    BUSY = 7  # already running on this directory
    STORY = 8  # the demo ended otherwise than its options say


class Trouble(Exception):
    """A sentence for the user, already in the user's language, and the class it belongs to."""

    status: Exit = Exit.MACHINE

    def __init__(self, sentence: str, status: Exit | None = None) -> None:
        super().__init__(sentence)
        if status is not None:
            self.status = status


class BadSettings(Trouble):
    """A setting that is unknown, half written or out of range."""

    status = Exit.SETTINGS


class NotFound(Trouble):
    """Something named by the user that does not exist."""

    status = Exit.NOT_FOUND


class Refused(Trouble):
    """A step that the rules of the house, or the present state, do not allow."""

    status = Exit.REFUSED
