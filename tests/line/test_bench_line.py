"""The bench of the line works: a few calls over both sides, none of them lost."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(shutil.which("sipp") is None, reason="SIPp (apt: sip-tester) is not installed")
@pytest.mark.timeout(300)
async def test_the_bench_measures_and_loses_no_call(tmp_path: Path) -> None:
    bench = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.line", "--quick", "--results", str(tmp_path)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},  # `bench` is no part of what is installed
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await bench.communicate()
    assert bench.returncode == 0, errors.decode("utf-8", "replace")[-3000:]
    last = said.decode().splitlines()[-1]
    figures = re.fullmatch(r"line_ratio (\S+) asterisk_ratio (\S+) answer_ms_p99 (\d+) failed 0", last)
    assert figures is not None, last
    told = json.loads((tmp_path / "line.json").read_text("utf-8"))
    assert [(one["block"]["side"], one["block"]["calls"], one["failed"]) for one in told["blocks"]] == [
        ("line", 4, 0),
        ("bare", 4, 0),
    ]
    assert all(one["cpu"]["asterisk"] > 0 and len(one["answer_ms"]) == 4 for one in told["blocks"])
