"""The guard and a line's heartbeat: real processes, and an Asterisk of the test's own that speaks as much ARI."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ivr import rescue
from tests.unit.test_guard import House, until

CALL = "n1-1732450000.12"
BEATS = """
import faulthandler, json, os, signal, socket, sys, time
from pathlib import Path
faulthandler.register(signal.SIGUSR1)
beat = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def hangs_here():
    while True:
        time.sleep(0.01)
while not Path("hang").exists():
    Path("beating").touch()
    try:
        beat.sendto(json.dumps({"pid": os.getpid(), "link_age": 99.0 if Path("blind").exists() else 0.2}).encode(),
                    "beat.sock")
    except OSError:
        pass
    time.sleep(0.1)
hangs_here()
"""


def channel(identity: str, context: str, app: str = "Stasis") -> dict[str, Any]:
    return {
        "id": identity,
        "name": f"PJSIP/{identity}",
        "dialplan": {"context": context, "app_name": app},
    }


class Asterisk(ThreadingHTTPServer):
    """Holds channels and bridges, and does what it is asked. `deaf`: takes the request and never answers.

    `held`: channels to which something is being played, so that they do not leave when told to.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.channels: list[dict[str, Any]] = []
        self.bridges: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.held: set[str] = set()
        self.deaf = threading.Event()
        self.over = threading.Event()

    def done(self, what: str) -> bool:
        return any(what in each for each in self.asked)


class _Asked(BaseHTTPRequestHandler):
    server: Asterisk

    def do_GET(self) -> None:
        if self.server.deaf.is_set():
            self.server.over.wait(60)
        self._answer(200, self.server.channels if "/channels" in self.path else self.server.bridges)

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        identity = parts.path.split("/")[3]
        self.server.asked.append(f"continue {identity} {parse_qs(parts.query)['context'][0]}")
        found = [each for each in self.server.channels if each["id"] == identity]
        if not found:
            return self._answer(404, None)
        if identity in self.server.held:
            return self._answer(204, None)
        found[0]["dialplan"] = {"context": "ms-fallback", "app_name": "Dial"}
        self._answer(204, None)

    def do_DELETE(self) -> None:
        identity = urlsplit(self.path).path.split("/")[3]
        self.server.asked.append(f"hangup {identity}")
        self.server.channels = [each for each in self.server.channels if each["id"] != identity]
        self._answer(204, None)

    def _answer(self, status: int, body: Any) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def asterisk() -> Iterator[Asterisk]:
    server = Asterisk()
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server
    server.over.set()
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.clear()


def console(house: House) -> list[str]:
    """Writes down the line that it is given."""
    path = str(house.run / "console")
    return [sys.executable, "-c", f"import sys; open({path!r}, 'a').write(sys.argv[1] + ';')"]


def plan(house: House, asterisk: Asterisk, program: str = BEATS) -> None:
    heartbeat = {
        "name": "line",
        "port": asterisk.server_port,
        "user": "minsheng",
        "password": "secret",
        "citizens": ["ms-110", "ms-fallback"],
        "fallback": "ms-fallback",
        "console": console(house),
        "silent": 1.5,
        "first_beat": 6.0,
    }
    house.plan({"line": f"import os; os.chdir({str(house.run)!r})\n{program}"}, heartbeat=heartbeat)


def test_callers_alone_are_sent_to_the_dialplan_and_the_hung_line_is_dumped_and_replaced(
    house: House, asterisk: Asterisk
) -> None:
    asterisk.channels = [
        channel(CALL, "ms-110", "StasisBroadcast"),
        channel("n1-1732450000.15", "ms-fallback", "Dial"),
        channel("n1-1732450000.16", "ms-110"),
        channel("n1-1732450000.16.op2.1", "ms-seat"),
        channel(f"{CALL}.op1.1", "ms-seat", "AppDial2"),
        channel("5b1c6f0e-callback", "ms-callback"),
    ]
    asterisk.bridges = [{"channels": ["n1-1732450000.16", "n1-1732450000.16.op2.1"]}]
    plan(house, asterisk)
    house.start()
    first = until(lambda: house.pid("line"))
    until((house.run / "beating").exists)
    (house.run / "hang").touch()
    until(lambda: asterisk.done(f"continue {CALL} ms-fallback"))
    (house.run / "hang").unlink()
    assert asterisk.asked == [f"hangup {CALL}.op1.1", f"continue {CALL} ms-fallback"]
    assert until(lambda: (pid := house.pid("line")) and pid != first and pid)
    assert "in hangs_here" in (house.run / "line.log").read_text()
    until(lambda: house.said("rescued"))
    assert (house.run / "guard.log").read_text().count("hung") == 1


def test_a_caller_to_whom_something_is_played_is_torn_away(house: House, asterisk: Asterisk) -> None:
    asterisk.channels = [channel(CALL, "ms-110"), channel("n1-1732450000.13", "ms-110")]
    asterisk.held = {CALL}
    rescue.rescue(
        rescue.Asterisk(asterisk.server_port, "minsheng", "secret"), ["ms-110"], "ms-fallback", console(house)
    )
    assert (house.run / "console").read_text() == f"channel redirect PJSIP/{CALL} ms-fallback,s,1;"


def test_a_line_that_beats_without_asterisk_is_not_killed_but_its_callers_are_rescued(
    house: House, asterisk: Asterisk
) -> None:
    asterisk.channels = [channel(CALL, "ms-110")]
    plan(house, asterisk)
    house.start()
    first = until(lambda: house.pid("line"))
    until((house.run / "beating").exists)
    (house.run / "blind").touch()
    until(lambda: asterisk.done(f"continue {CALL}"))
    assert house.pid("line") == first and not house.said("hung")


def test_a_line_that_is_replaced_at_once_keeps_its_callers(house: House, asterisk: Asterisk) -> None:
    asterisk.channels = [channel(CALL, "ms-110")]
    plan(house, asterisk)
    house.start()
    for _time in range(6):
        before = until(lambda: house.pid("line"))
        threading.Event().wait(0.5)
        os.kill(before, signal.SIGKILL)
        until(lambda before=before: (pid := house.pid("line")) and pid != before)
    assert asterisk.asked == []


def test_an_asterisk_that_hangs_does_not_keep_the_guard_from_its_work(
    house: House, asterisk: Asterisk
) -> None:
    asterisk.deaf.set()
    plan(house, asterisk)
    started = house.start()
    first = until(lambda: house.pid("line"))
    until((house.run / "beating").exists)
    (house.run / "hang").touch()
    assert until(lambda: (pid := house.pid("line")) and pid != first and pid)
    until(lambda: house.said("unreachable"))
    started.send_signal(signal.SIGTERM)
    assert started.wait(20) == 0
