"""The guard as a real process over small real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr import guard

STAY = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit()); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
WORDS = ("adopted", "ended", "cannot_start", "stopping", "stopping_now", "left", "stopped", "busy")
WORDS += ("rescued", "unreachable", "hung", "deaf")


def until(true: Callable[[], Any], within: float = 20.0) -> Any:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError("did not come true")


class House:
    """A directory with a plan, and the guards started on it."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.guards: list[subprocess.Popen[str]] = []
        self.names: list[str] = []

    def plan(self, programs: dict[str, str], stop: list[dict[str, Any]] | None = None, **more: Any) -> None:
        self.names = list(programs)
        plan = {
            "sentences": {word: word + " {name} {pid}" if word == "adopted" else word for word in WORDS},
            "log": str(self.run / "guard.log"),
            "processes": [
                {
                    "name": name,
                    "argv": [sys.executable, "-c", program],
                    "env": dict(os.environ),
                    "log": str(self.run / f"{name}.log"),
                    "backoff": [0.05],
                }
                for name, program in programs.items()
            ],
            "stop": stop or [{"name": name, "within": 20.0, "within_now": 20.0} for name in programs],
            **more,
        }
        (self.run / "plan.json").write_text(json.dumps(plan))

    def start(self) -> subprocess.Popen[str]:
        argv = [sys.executable, "-P", "-m", "ivr.guard", str(self.run / "plan.json")]
        started = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")
        self.guards.append(started)
        return started

    def said(self, word: str) -> bool:
        log = self.run / "guard.log"
        return log.exists() and word in log.read_text()

    def pid(self, name: str) -> int | None:
        return guard.living(self.run / f"{name}.pid")

    def clear(self) -> None:
        for each in self.guards:
            each.kill()
            each.communicate()
        for name in self.names:
            if pid := self.pid(name):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.clear()


def test_a_process_that_dies_is_started_again(house: House) -> None:
    house.plan({"line": STAY})
    house.start()
    first = until(lambda: house.pid("line"))
    os.kill(first, signal.SIGKILL)
    assert until(lambda: (pid := house.pid("line")) and pid != first and pid) != first


def test_a_killed_guard_disturbs_nothing_and_the_next_adopts(house: House) -> None:
    house.plan({"line": STAY, "worker": STAY})
    first = house.start()
    before = until(lambda: house.pid("line")), until(lambda: house.pid("worker"))
    first.kill()
    first.wait()
    second = house.start()
    until(lambda: house.said("worker"))
    assert (house.pid("line"), house.pid("worker")) == before
    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0
    assert house.pid("line") is None and house.pid("worker") is None


def test_a_second_guard_on_the_same_directory_says_so_and_leaves(house: House) -> None:
    house.plan({"line": STAY})
    house.start()
    until(lambda: house.pid("line"))
    second = house.start()
    assert second.communicate(timeout=20)[0].strip() == "busy"
    assert second.returncode == 7


def test_a_pid_file_of_another_process_is_not_believed(house: House) -> None:
    house.plan({"line": STAY})
    (house.run / "line.pid").write_text(f"{os.getpid()}\n1 another-boot\n")
    house.start()
    assert until(lambda: house.pid("line")) != os.getpid()


def test_a_stop_goes_in_the_plans_order_and_keeps_the_later_ones_alive(house: House, tmp_path: Path) -> None:
    order = tmp_path / "order"
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n    open({order!r}, 'a').write({name!r} + ' ')\n    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\ntime.sleep(600)"
    )
    names = ["asterisk", "line", "worker"]
    house.plan({name: program.format(order=str(order), name=name) for name in names})
    started = house.start()
    for name in names:
        until(lambda name=name: house.pid(name))
    time.sleep(0.3)  # their handlers are set
    started.send_signal(signal.SIGINT)
    assert started.wait(20) == 0
    assert order.read_text().split() == names


def test_a_stop_waits_for_calls_until_a_second_signal(house: House, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    graceful = [sys.executable, "-c", f"import time; open({str(asked)!r}, 'w'); time.sleep(600)"]
    step = {"name": "asterisk", "command": graceful, "within": None, "within_now": 0.2}
    house.plan({"asterisk": DEAF}, [step])
    started = house.start()
    first = until(lambda: house.pid("asterisk"))
    started.send_signal(signal.SIGTERM)
    until(asked.exists)
    assert started.poll() is None and house.pid("asterisk") == first
    started.send_signal(signal.SIGTERM)
    assert started.wait(20) == 0
    assert house.pid("asterisk") is None


def test_while_a_stop_waits_the_line_is_still_restarted(house: House) -> None:
    steps = [
        {"name": "asterisk", "command": ["true"], "within": None, "within_now": 0.2},
        {"name": "line", "within": 20.0, "within_now": 20.0},
    ]
    house.plan({"asterisk": DEAF, "line": STAY}, steps)
    started = house.start()
    until(lambda: house.pid("asterisk"))
    first = until(lambda: house.pid("line"))
    started.send_signal(signal.SIGTERM)
    until(lambda: house.said("stopping"))
    os.kill(first, signal.SIGKILL)
    assert until(lambda: (pid := house.pid("line")) and pid != first)
    started.send_signal(signal.SIGQUIT)
    assert started.wait(20) == 0


def test_a_program_that_cannot_run_does_not_stop_the_others(house: House) -> None:
    house.plan({"line": STAY, "worker": STAY})
    plan = json.loads((house.run / "plan.json").read_text())
    plan["processes"][0]["argv"] = ["/nonexistent/program"]
    (house.run / "plan.json").write_text(json.dumps(plan))
    house.start()
    assert until(lambda: house.pid("worker"))
    until(lambda: house.said("cannot_start"))
