"""The line's heartbeat as the guard hears it, and what is done when it stops. Standard library only.

The line sends a datagram a second with its pid and the age of Asterisk's last sign of life on its event link; a
beat with a young link is a good one. Silence has two meanings: no *good* beat for `silent` seconds leaves callers
with nobody, and they are rescued, again and again until a good beat comes (`ivr.rescue`); a process that does not
beat *at all* for so long hangs: its stacks go into its log, then it is killed, and restarted like any other.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ivr.process import Process

LINK_YOUNG = 2.0  # s: an older sign of life from Asterisk, asked for twice a second, makes no good beat
DUMPED = 0.3  # s a hung process has to write its stacks
AGAIN = 3.0  # s between two rescues while the silence lasts: who came to be alone meanwhile
RESCUED_WITHIN = 8.0  # s, then the rescuing process is killed
BEAT = 1024  # bytes at most


class Heartbeat:
    """Of one process. `step` is called by the guard's loop, at the latest at `due`.

    From `plan`: `silent` and `first_beat` (s from a start to its first beat); `file` is the plan's, for the rescue.
    """

    def __init__(
        self,
        plan: dict[str, Any],
        file: Path,
        process: Process,
        selector: selectors.BaseSelector,
        say: Callable[..., None],
    ) -> None:
        self._silent: float = plan["silent"]
        self._first_beat: float = plan["first_beat"]
        self._file = file
        self.process = process
        self._selector = selector
        self._say = say
        now = time.monotonic()
        self._good = (
            now + self._first_beat - self._silent
        )  # the last good beat; at first as if one were to come
        self._beat = (0, now)  # pid and time of the last beat of any kind
        self._kill_at: float | None = None
        self._next_rescue = 0.0
        self._rescue: subprocess.Popen[bytes] | None = None
        self._rescue_until = 0.0
        self._told = False  # that this silence leaves callers unreachable
        self._socket = _bound(file.parent / "beat.sock")
        selector.register(self._socket, selectors.EVENT_READ, self.hear)

    def hear(self) -> None:
        """Every beat that has come."""
        while True:
            try:
                beat = json.loads(self._socket.recv(BEAT))
                pid, link_age = int(beat["pid"]), float(beat["link_age"])
            except OSError:
                return  # all heard
            except (ValueError, KeyError, TypeError):
                continue  # no beat of a line's
            now = time.monotonic()
            self._beat = (pid, now)
            if link_age < LINK_YOUNG:
                self._good, self._next_rescue, self._told = now, 0.0, False

    def step(self) -> None:
        """What is due now."""
        self.hear()  # it may have beaten while we were kept from listening
        now = time.monotonic()
        if now >= self._rescue_due():
            self._begin_rescue(now)
        if self._rescue is not None and now >= self._rescue_until:
            self._rescue.kill()  # its pipe closes
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = float("inf")  # until it has ended
            self.process.signal(signal.SIGKILL)
        elif self._kill_at is None and now >= self._hung_at():
            self._say("hung", name=self.process.name, log=self.process.log)
            self.process.signal(signal.SIGUSR1)
            self._kill_at = now + DUMPED

    def due(self) -> float:
        """When something is due next (monotonic)."""
        times = [self._rescue_due(), self._hung_at() if self._kill_at is None else self._kill_at]
        if self._rescue is not None:
            times.append(self._rescue_until)
        return min(times)

    def gone(self) -> None:
        """The process has ended: whatever was to be done to it is not done to the next one."""
        self._kill_at = None

    def end(self) -> None:
        """The guard leaves."""
        if self._rescue is not None:
            self._rescue.kill()
            self._rescue.wait()

    def _hung_at(self) -> float:
        process = self.process
        if process.pid is None:
            return float("inf")
        pid, at = self._beat
        return at + self._silent if pid == process.pid else process.began + self._first_beat

    def _rescue_due(self) -> float:
        return float("inf") if self._rescue is not None else max(self._good + self._silent, self._next_rescue)

    def _begin_rescue(self, now: float) -> None:
        self._next_rescue = now + AGAIN
        try:
            self._rescue = subprocess.Popen(
                [sys.executable, "-P", "-m", "ivr.rescue", str(self._file)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return
        self._rescue_until = now + RESCUED_WITHIN
        said = self._rescue.stdout
        assert said is not None
        self._selector.register(said, selectors.EVENT_READ, self._rescued)

    def _rescued(self) -> None:
        """It has said what it did, or was killed."""
        process, self._rescue = self._rescue, None
        assert process is not None and process.stdout is not None
        self._selector.unregister(process.stdout)
        said = process.stdout.readline()
        process.stdout.close()
        process.kill()  # it has nothing more to do
        process.wait()
        try:
            done = json.loads(said)
            callers, phones = int(done["callers"]), int(done["phones"])
        except (ValueError, KeyError, TypeError):
            if not self._told:
                self._told = True
                self._say("unreachable", name=self.process.name)
            return
        if callers:
            self._say(
                "rescued", name=self.process.name, seconds=f"{self._silent:g}", callers=callers, phones=phones
            )


def _bound(path: Path) -> socket.socket:
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()  # of an earlier guard
    heard.bind(str(path))
    heard.setblocking(False)
    return heard
