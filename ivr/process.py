"""One process of the guard's plan, and the pid file by which the next guard knows it. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

LIVED = 60.0  # s: a process that lived longer starts its back-off anew
LOG_LIMIT = 32 * 1024 * 1024  # bytes: a larger log is put aside when its process starts


def start_mark(pid: int) -> str | None:
    """What tells this process from a later one of the same number; None when there is none, or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (OSError, ValueError):
        return None
    return None if fields[0] in "ZX" else f"{fields[19]} {boot}"


def living(pid_file: Path) -> int | None:
    """The process that wrote `pid_file`, if it is still the same one."""
    try:
        number, mark = pid_file.read_text().split("\n")[:2]
        pid = int(number)
    except (OSError, ValueError):
        return None
    return pid if start_mark(pid) == mark else None


def write_pid(pid_file: Path) -> None:
    """Names the calling process in `pid_file`, whole or not at all."""
    fresh = pid_file.with_suffix(".new")
    fresh.write_text(f"{os.getpid()}\n{start_mark(os.getpid())}\n")
    fresh.replace(pid_file)


class Process:
    """One process of the plan: started, or adopted, and watched by its pidfd."""

    def __init__(self, plan: dict[str, Any], run: Path) -> None:
        self.name: str = plan["name"]
        self.argv: list[str] = plan["argv"]
        self.env: dict[str, str] = plan["env"]  # all of it: nothing else reaches the process
        self.log = Path(plan["log"])
        self.cwd: str = plan.get("cwd", "/")
        self.nice: int = plan.get("nice", 0)
        self.backoff: list[float] = plan.get("backoff", [0.2, 1.0, 2.0, 5.0, 10.0])
        self.pid_file = run / f"{self.name}.pid"
        self.child: subprocess.Popen[bytes] | None = None
        self.pid: int | None = None
        self.pidfd = -1
        self.began = 0.0
        self.failures = 0
        self.due = 0.0  # when it may be started (monotonic)

    def adopt(self) -> bool:
        """Takes over the process that an earlier guard started, if it lives."""
        self.began = time.monotonic()
        return self._watch(living(self.pid_file))

    def start(self) -> bool:
        """Starts it anew; False when its program cannot be run at all."""
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > LOG_LIMIT:
                self.log.replace(self.log.with_name(self.log.name + ".1"))
        self.began = time.monotonic()
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                self.child = subprocess.Popen(
                    self.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self.env,
                    cwd=self.cwd,
                    start_new_session=True,
                    preexec_fn=self._before_exec,
                )
        except (OSError, subprocess.SubprocessError):
            return False
        return self._watch(self.child.pid)

    def _before_exec(self) -> None:
        # In the child: from here on it is adoptable, even if the guard dies at this very moment.
        os.nice(self.nice)
        write_pid(self.pid_file)

    def _watch(self, pid: int | None) -> bool:
        try:
            self.pidfd = os.pidfd_open(pid) if pid else -1
        except OSError:
            return False
        self.pid = pid
        return pid is not None

    def ended(self) -> int | None:
        """Tidies up after its end. Returns its exit status, None for one that was adopted."""
        os.close(self.pidfd)
        self.pid, self.pidfd = None, -1
        self.pid_file.unlink(missing_ok=True)
        status = self.child.wait() if self.child else None
        self.child = None
        self.put_off(lived=time.monotonic() - self.began > LIVED)
        return status

    def put_off(self, lived: bool = False) -> None:
        """The next start waits longer after each failure in a row."""
        self.failures = 1 if lived else self.failures + 1
        pause = self.backoff[min(self.failures, len(self.backoff)) - 1]
        self.due = time.monotonic() + pause

    def signal(self, number: int) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)
