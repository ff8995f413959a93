"""The demo as a process: nothing of it stays behind, and what it lacks is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.errors import Exit, Trouble
from ivr import guard
from ivr.cli import demo
from ivr.cli.main import INTERRUPTED

# The demo's own frame (signals, guard, story, end) around small processes and a story that lasts for ever.
PROGRAM = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from ivr import guard
from ivr.cli import demo, main

run = Path(sys.argv[1]) / "run"
settings = SimpleNamespace(var=run.parent, run=run)
prepared = SimpleNamespace(settings=settings, plan=run / "plan.json", lock=guard.take_lock(run))

def frame(*_arguments, **_more):
    demo.heed_signals()
    with demo.living(prepared, keep=False):
        (run / "told").touch()
        asyncio.run(asyncio.sleep(600))

demo.wait_ready = lambda settings, child: None
main.app = frame
sys.exit(main.status_of([]))
"""
STAY = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit()); time.sleep(600)"
WORDS = ("adopted", "ended", "cannot_start", "stopping", "stopping_now", "left", "stopped", "busy")


def until(true: Callable[[], Any]) -> Any:
    for _look in range(1000):
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError("did not come true")


def begun(var: Path) -> subprocess.Popen[bytes]:
    """The frame, once its guard has started its two processes."""
    run = var / "run"
    run.mkdir(parents=True)
    (var / "log").mkdir()
    plan = {
        "sentences": dict.fromkeys(WORDS, "."),
        "log": str(run / "guard.log"),
        "processes": [
            {
                "name": name,
                "argv": [sys.executable, "-c", STAY],
                "env": dict(os.environ),
                "log": str(run / f"{name}.log"),
            }
            for name in ("asterisk", "line")
        ],
        "stop": [{"name": name, "within": 20.0, "within_now": 20.0} for name in ("asterisk", "line")],
    }
    (run / "plan.json").write_text(json.dumps(plan))
    # as a script's `&` starts it: Ctrl-C ignored
    started = subprocess.Popen(
        [sys.executable, "-P", "-c", PROGRAM, str(var)],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    until(lambda: (run / "told").exists() and all(alive(var)))
    return started


def alive(var: Path) -> list[int | None]:
    return [guard.living(var / "run" / f"{name}.pid") for name in ("guard", "asterisk", "line")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_demo_that_is_killed_stops_everything_as_ctrl_c_does(
    number: signal.Signals, tmp_path: Path
) -> None:
    started = begun(tmp_path)
    try:
        pids = [pid for pid in alive(tmp_path) if pid]
        started.send_signal(number)
        assert started.wait(60) == INTERRUPTED
        assert alive(tmp_path) == [None, None, None]
        assert not [pid for pid in pids if Path(f"/proc/{pid}/cwd").exists()]
    finally:
        started.kill()
        started.wait()
        for pid in alive(tmp_path):
            if pid:
                os.kill(pid, signal.SIGKILL)


def test_a_plain_install_is_told_which_extra_the_demo_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_LANGUAGE", "zh")
    monkeypatch.setattr(demo, "EXTRAS", {"phones": "no_such_module"})
    with pytest.raises(Trouble, match=r"pip install '\.\[phones\]'") as told:
        demo.need_extras()
    assert told.value.status == Exit.MACHINE
