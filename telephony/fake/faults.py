"""What can be made to go wrong with the fake, from the outside."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass


@dataclass
class Failure:
    """A refusal, or a lost reply, waiting for its request."""

    pattern: re.Pattern[str]
    times: int
    status: int | None  # None: carried out, but the reply is lost
    message: str = ""


class Faults:
    """Switches for trouble. Patterns are regular expressions on `METHOD /path`, e.g. `POST /channels$`."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.running.set()
        self.refuses_links = False  # a new event socket is refused, requests too
        self._failures: list[Failure] = []

    def stall(self) -> None:
        """Accept everything, answer nothing: neither requests nor pings nor events, until `resume`."""
        self.running.clear()

    def resume(self) -> None:
        """Answer again; requests that were sent meanwhile are carried out now, their senders long gone."""
        self.running.set()

    def fail_next(
        self, pattern: str = "", *, status: int = 500, message: str = "Failed", times: int = 1
    ) -> None:
        """Refuse the next `times` requests that match, without carrying them out."""
        self._failures.append(Failure(re.compile(pattern), times, status, message))

    def lose_reply(self, pattern: str = "", *, times: int = 1) -> None:
        """Carry out the next `times` requests that match, but let their reply get lost (deadline passes)."""
        self._failures.append(Failure(re.compile(pattern), times, None))

    def met(self, request: str) -> Failure | None:
        """The failure that this request (`METHOD /path`) runs into, used up by it."""
        for failure in self._failures:
            if failure.pattern.search(request):
                failure.times -= 1
                if failure.times == 0:
                    self._failures.remove(failure)
                return failure
        return None
