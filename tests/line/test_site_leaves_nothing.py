"""However a story ends, no Asterisk, no line and no phone of it is left, and its ports are free again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.line.ports import Ports
from tests.line.reaper import on_folder
from tests.line.site import Site

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
STORY = """\
import asyncio, pathlib, sys
from tests.line.site import Site
async def story():
    async with Site(pathlib.Path(sys.argv[1]), seats=1) as site:
        await site.seat("op1")
        print("running", flush=True)
        await asyncio.sleep(600)
asyncio.run(story())
"""


class Breaking(Site):
    async def until(
        self, look: Callable[[], T | None], what: str, within: float = 15.0, every: float = 0.1
    ) -> T:
        raise ArithmeticError(what)


async def test_a_start_that_fails_half_way(tmp_path: Path) -> None:
    with pytest.raises(ArithmeticError, match="line"):
        async with Breaking(tmp_path, seats=1):
            raise AssertionError("it did start")
    assert on_folder(str(tmp_path)) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_the_tests_own_process_ends(tmp_path: Path, sign: signal.Signals) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    story = subprocess.Popen(
        [sys.executable, "-c", STORY, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert story.stdout is not None
    assert story.stdout.readline() == b"running\n"
    assert len(on_folder(str(folder))) >= 4  # Asterisk, line, worker, a phone
    story.send_signal(sign)
    story.wait(60)
    story.stdout.close()
    for _step in range(100):
        if not on_folder(str(folder)):
            break
        time.sleep(0.1)
    assert on_folder(str(folder)) == []


def test_two_tests_never_have_the_same_ports() -> None:
    blocks = [Ports() for _ in range(3)]
    assert len({block.sip for block in blocks}) == 3
    for block in blocks:
        block.close()
