"""SIPp, run with our scenarios: citizens, seats' phones and their registrations, with speech in A-law both ways."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import string
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import soundfile

from config.errors import Trouble

HERE = Path(__file__).parent
SPEECH = HERE.parents[1] / "demo" / "speech"
CITIZENS, SEATS = "127.0.0.2", "127.0.0.3"


@dataclass(frozen=True)
class Counted:
    """What SIPp counts so far."""

    going_on: int
    succeeded: int
    failed: int
    answered: int = 0  # of the scenario's own counter


def program() -> str:
    """SIPp's path. Raises `Trouble` where it is not installed."""
    found = shutil.which("sipp")
    if found is None:
        raise Trouble("没有 SIPp：请先装 apt 的 sip-tester / SIPp is missing: install apt's sip-tester")
    return found


def voice(source: str, target: Path) -> Path:
    """A speech of the demo as the A-law bytes that go into RTP."""
    samples, rate = soundfile.read(SPEECH / f"{source}.flac", dtype="int16")
    if rate != 8000:
        samples, rate = samples[:: rate // 8000], 8000
    soundfile.write(target, samples, rate, format="RAW", subtype="ALAW")
    return target


class Sipp:
    """One SIPp process in a folder of its own. As a context it does not outlive the block."""

    def __init__(
        self,
        folder: Path,
        scenario: str,
        target: str,
        address: str,
        port: int,
        *options: str,
        rows: Sequence[str] = (),
        **values: object,
    ) -> None:
        """`target` is host:port; `rows` are given to the calls one by one ([field0], [field1] …); `values` fill
        the scenario."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        text = string.Template((HERE / f"{scenario}.xml").read_text("utf-8")).substitute(values)
        (folder / f"{scenario}.xml").write_text(text, "utf-8")
        command = [
            program(),
            target,
            "-sf",
            f"{scenario}.xml",
            "-i",
            address,
            "-p",
            str(port),
            "-mi",
            address,
        ]
        command += [
            "-nostdin",
            "-trace_stat",
            "-stf",
            "stat.csv",
            "-fd",
            "1",
            "-trace_err",
            "-error_file",
            "errors",
        ]
        command += [
            "-trace_rtt",
            "-rtt_freq",
            "1",
            "-timer_resol",
            "1",
            "-buff_size",
            "4194304",
            "-rtp_threadtasks",
            "50",
            *options,
        ]
        if rows:
            (folder / "rows.csv").write_text("\n".join(["SEQUENTIAL", *rows]) + "\n", "utf-8")
            command += ["-inf", "rows.csv"]
        with (folder / "screen").open("wb") as screen:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen,
                env={**os.environ, "TERM": "xterm"},
            )  # fmt: skip

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def counted(self) -> Counted:
        """The last line SIPp wrote of its statistics, once a second."""
        try:
            with (self._folder / "stat.csv").open(encoding="utf-8") as file:
                rows = list(csv.DictReader(file, delimiter=";"))
        except OSError:
            rows = []
        if not rows or rows[-1].get("FailedCall(C)") in (None, ""):
            return Counted(0, 0, 0)
        last = rows[-1]
        return Counted(
            int(last["CurrentCall"]),
            int(last["SuccessfulCall(C)"]),
            int(last["FailedCall(C)"]),
            int(last.get("answered(C)") or last.get("GenericCounter1(C)") or 0),
        )

    def response_times(self) -> list[float]:
        """Milliseconds from each INVITE to its 200."""
        found = []
        for path in self._folder.glob("*_rtt.csv"):
            with path.open(encoding="utf-8") as file:
                found += [float(row["response_time_ms"]) for row in csv.DictReader(file, delimiter=";")]
        return found

    def wait(self, within: float) -> Counted:
        """Until it has made its calls. Raises `Trouble` when it could not work at all."""
        try:
            status = self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.stop()
            raise Trouble(f"SIPp 没有在 {within:.0f} 秒内结束：{self._folder}") from None
        if status not in (0, 1):  # 1: calls failed; they are counted
            raise Trouble(f"SIPp 出错（{status}）：{self._said()}")
        return self.counted()

    def stop(self) -> None:
        """Ends it; calls that go on are cut off."""
        for sign in (signal.SIGUSR1, signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is not None:
                return
            self._process.send_signal(sign)
            until = time.monotonic() + 3
            while self._process.poll() is None and time.monotonic() < until:
                time.sleep(0.05)

    def _said(self) -> str:
        said = (self._folder / "screen").read_text("utf-8", "replace").splitlines()
        return next((line for line in reversed(said) if line.strip()), "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
