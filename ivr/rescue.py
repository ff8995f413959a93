"""Who is alone with a line that is silent goes to the dialplan, which rings everyone (DESIGN 3).

Run by the guard as a small process of its own, `python -P -m ivr.rescue PLAN`, so that an Asterisk that hangs
stalls nobody. Standard library only. Needs no line: Asterisk takes a channel out of an application that nobody
serves. What it did is one JSON object on its standard output.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

ANSWER_WITHIN = 1.0  # s for one request: Asterisk is on this machine and takes milliseconds
ALL_WITHIN = 5.0  # s for everything; what is left is the next attempt's
PHONES_FREE = 0.5  # s in which phones that ring for the dead line stop, so that the dialplan finds them free
LEAVES = 0.2  # s in which a caller has left who can
LOOK_EVERY = 0.05  # s
OUR_LEG = re.compile(r".+\.[a-z][a-z0-9_-]*\.\d+")  # call.seat.attempt (docs/architecture.md)
WAITS_IN = ("Stasis", "StasisBroadcast")  # the dialplan's applications by which a channel came into ours

Channel = dict[str, Any]


class NoAnswer(Exception):
    """Asterisk does not answer, or not in time."""


class Asterisk:
    """Its REST interface on loopback, each request with a deadline."""

    def __init__(self, port: int, user: str, password: str) -> None:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_WITHIN)
        self._until = time.monotonic() + ALL_WITHIN

    def ask(self, method: str, path: str, **query: object) -> tuple[int, Any]:
        """Status and body. Raises `NoAnswer`."""
        if time.monotonic() > self._until:
            raise NoAnswer("late")
        try:
            self._http.request(method, f"/ari/{path}?{urlencode(query)}", headers=self._headers)
            reply = self._http.getresponse()
            body = reply.read()
            return reply.status, json.loads(body) if body else None
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._http.close()
            raise NoAnswer(type(error).__name__) from None

    def all(self, what: str) -> list[dict[str, Any]]:
        """Every channel, or every bridge."""
        status, body = self.ask("GET", what)
        if status != 200 or not isinstance(body, list):
            raise NoAnswer(f"{what}: {status}")
        return body


def together(bridges: Iterable[dict[str, Any]]) -> set[str]:
    """The channels that are in a bridge with somebody."""
    return {channel for bridge in bridges if len(bridge["channels"]) > 1 for channel in bridge["channels"]}


def alone(channels: Iterable[Channel], talking: set[str], citizens: Iterable[str]) -> list[Channel]:
    """Citizens who are with the application and with nobody else; `citizens`: the contexts they came in by."""
    return [
        channel
        for channel in channels
        if channel["dialplan"]["context"] in citizens
        and channel["dialplan"]["app_name"] in WAITS_IN
        and channel["id"] not in talking
    ]


def ringing(channels: Iterable[Channel], talking: set[str], citizens: Iterable[str]) -> list[str]:
    """Legs that the line rang, or that answered it and were not joined with anybody any more; never a citizen."""
    return [
        channel["id"]
        for channel in channels
        if OUR_LEG.fullmatch(channel["id"])
        and channel["dialplan"]["context"] not in citizens
        and channel["id"] not in talking
    ]


def rescue(asterisk: Asterisk, citizens: list[str], context: str, console: list[str]) -> dict[str, int]:
    """Once around. Returns how many callers were sent and how many phones were freed. Raises `NoAnswer`.

    404 or 409 for a caller is fine: they have gone, or are with the dialplan, which asks the line just now. `console`:
    the command that gives Asterisk's console a line.
    """
    phones = ringing(asterisk.all("channels"), together(asterisk.all("bridges")), citizens)
    for leg in phones:
        asterisk.ask("DELETE", f"channels/{quote(leg, safe='')}", reason="normal")
    _until_gone(asterisk, set(phones))
    sent = set()
    for caller in _alone_now(asterisk, citizens):
        path = f"channels/{quote(caller['id'], safe='')}/continue"
        status, _ = asterisk.ask("POST", path, context=context, extension="s", priority=1)
        if status < 300:
            sent.add(caller["id"])
    if sent:
        time.sleep(LEAVES)
        held = [caller for caller in _alone_now(asterisk, citizens) if caller["id"] in sent]
        _tear_away(held, f"{context},s,1", console)
    return {"callers": len(sent), "phones": len(phones)}


def _alone_now(asterisk: Asterisk, citizens: list[str]) -> list[Channel]:
    return alone(asterisk.all("channels"), together(asterisk.all("bridges")), citizens)


def _tear_away(held: list[Channel], target: str, console: list[str]) -> None:
    """`continue` waits for the end of what is being played or recorded to a channel (22.10.1, measured), however
    long that is; the console's `channel redirect` does not."""
    for channel in held:
        line = f"channel redirect {channel['name']} {target}"
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run([*console, line], capture_output=True, timeout=ANSWER_WITHIN, check=False)


def _until_gone(asterisk: Asterisk, phones: set[str]) -> None:
    until = time.monotonic() + PHONES_FREE
    while time.monotonic() < until and phones & {each["id"] for each in asterisk.all("channels")}:
        time.sleep(LOOK_EVERY)


def main(arguments: list[str]) -> int:
    plan = json.loads(Path(arguments[0]).read_text("utf-8"))["heartbeat"]
    try:
        asterisk = Asterisk(plan["port"], plan["user"], plan["password"])
        done: dict[str, object] = {**rescue(asterisk, plan["citizens"], plan["fallback"], plan["console"])}
    except NoAnswer as why:
        done = {"why": str(why)}
    with contextlib.suppress(OSError):  # the guard has gone
        print(json.dumps(done), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
