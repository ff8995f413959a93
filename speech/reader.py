"""The reading process seen from the worker: started when first needed, started again after a crash."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from config.errors import Trouble
from config.language import _
from speech.api import Job, Result, Track


class ReaderDied(Trouble):
    """The process went away or took too long; the same job may be tried again."""


class ReaderFailed(Trouble):
    """The process answered that this job cannot be done (an unreadable file, a damaged model)."""


class Reader:
    """One reading process. `read` blocks: call it in a thread. `close` may be called from another one."""

    def __init__(self, model_dir: Path, program: list[str] | None = None, threads: int = 1) -> None:
        """`program`: another command with the same manners; a crash is proved with one."""
        self._model = model_dir
        self._threads = threads
        self._program = program or [sys.executable, "-P", "-m", "speech.transcribe", str(os.getpid())]
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()
        self._closed = False

    def job(self, job_id: str, tracks: list[Track]) -> Job:
        return Job(id=job_id, tracks=tracks, model=str(self._model), threads=self._threads)

    def read(self, job: Job, within: float | None = None) -> Result:
        """The words of one call. After `within` seconds the process is ended.

        Raises `ReaderDied` or `ReaderFailed`.
        """
        with self._one_at_a_time:
            if self._closed:
                raise ReaderDied(_("转写程序已经关闭。"))
            process = self._running()
            alarm = threading.Timer(within, process.kill) if within is not None else None
            if alarm:
                alarm.daemon = True
                alarm.start()
            try:
                line = _ask(process, msgspec.json.encode(job) + b"\n")
            finally:
                if alarm:
                    alarm.cancel()
            if not line.endswith(b"\n"):
                raise ReaderDied(_("转写程序中断了（{status}）。", status=self._bury()))
        try:
            result = msgspec.json.decode(line, type=Result)
        except msgspec.DecodeError:
            raise ReaderFailed(_("转写程序的回答读不懂。")) from None
        if result.error:
            raise ReaderFailed(result.error)
        return result

    def close(self) -> None:
        """End the process; a `read` under way raises `ReaderDied`."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
            process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._bury()
            self._process = subprocess.Popen(
                self._program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Set before any library below is loaded; none may look for anything on the network.
                env={**os.environ, "OMP_NUM_THREADS": str(self._threads), "HF_HUB_OFFLINE": "1"},
                # Ctrl-C is for the worker, which ends us in its own time.
                start_new_session=True,
            )
        return self._process

    def _bury(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        return process.wait()


def _ask(process: subprocess.Popen[bytes], line: bytes) -> bytes:
    """The answer line; without its newline, or empty, when the process is gone."""
    assert process.stdin and process.stdout
    try:
        process.stdin.write(line)
        process.stdin.flush()
        return process.stdout.readline()
    except (BrokenPipeError, ValueError, OSError):
        return b""
