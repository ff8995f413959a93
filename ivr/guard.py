"""The guard: starts, watches and restarts the processes of one directory. Standard library only (DESIGN 2).

It knows nothing but `plan.json`, which `ivr.prepare` wrote. The plan's `heartbeat`: who is alone with a line that
fell silent is rescued, and a hung line killed (`ivr.heartbeat`). Killed, it disturbs nothing: each process has a
session of its own and a pid file that it writes itself before it becomes its program, so the next guard
adopts what lives. SIGTERM or SIGINT: the plan's `stop` steps in their order, each waiting for its process to
end (calls are finished); a second signal, or SIGQUIT, does not wait. Lines for people come from the plan, in
their language.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ivr.heartbeat import Heartbeat
from ivr.process import Process, living, write_pid

__all__ = ["Guard", "living", "main", "take_lock"]

BUSY, MACHINE = 7, 6  # exit statuses, as in config.errors.Exit


def take_lock(run: Path) -> int | None:
    """The directory's lock as an open descriptor; None when another guard holds it."""
    run.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(run / "guard.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


class Guard:
    """The loop. `selector` maps each watched descriptor to what is done when it is ready."""

    def __init__(self, plan: dict[str, Any], plan_file: Path) -> None:
        self.plan_file = plan_file
        self.sentences: dict[str, str] = plan["sentences"]
        self.processes = [Process(each, plan_file.parent) for each in plan["processes"]]
        self.beats: dict[str, Any] | None = plan.get("heartbeat")  # whose heartbeat is listened to, and how
        self.steps: list[dict[str, Any]] = plan["stop"]
        self.log = Path(plan["log"])
        self.hurry: bool = plan.get("now", False)
        self.stopping = -1  # index of the stop step under way; -1: none
        self.deadline: float | None = None  # then the step's process is killed (monotonic)
        self.orders: list[subprocess.Popen[bytes]] = []  # given to stop something, perhaps not back yet
        self.selector = selectors.DefaultSelector()
        self.heartbeat: Heartbeat | None = None

    def say(self, sentence: str, **parts: object) -> None:
        """One line to the terminal, if there is one still, and to the guard's log."""
        line = self.sentences[sentence].format(**parts)
        with contextlib.suppress(OSError):
            print(line, flush=True)
        with contextlib.suppress(OSError), self.log.open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")

    def run(self) -> None:
        """Until a stop is complete."""
        self._hear_signals()
        for process in self.processes:
            if process.adopt():
                self.say("adopted", name=process.name, pid=process.pid)
                self._watch(process)
        self._listen()
        while self._step():
            for key, _ in self.selector.select(self._pause()):
                key.data()

    def _step(self) -> bool:
        """What is due now. False: nothing is left to watch."""
        if self.stopping >= 0 and not self._step_of_stop():
            return False
        for process in self._kept():
            if process.pid is None and time.monotonic() >= process.due:
                if process.start():
                    self._watch(process)
                else:
                    process.put_off()
                    self.say("cannot_start", name=process.name, log=process.log)
        if heartbeat := self._heard():
            heartbeat.step()
        return True

    def _listen(self) -> None:
        if self.beats is not None:
            beating = self._named(self.beats["name"])
            try:
                self.heartbeat = Heartbeat(self.beats, self.plan_file, beating, self.selector, self.say)
            except OSError as error:
                self.say("deaf", why=error.strerror)

    def _heard(self) -> Heartbeat | None:
        """The heartbeat, as long as it counts: while a stop waits for calls, but not once the line is to go."""
        if self.heartbeat is None or (self.stopping >= 0 and self.hurry):
            return None
        return self.heartbeat if self.heartbeat.process in self._kept() else None

    def _kept(self) -> list[Process]:
        """The processes that must live: all, less those whose turn to stop has come."""
        leaving = {step["name"] for step in self.steps[: self.stopping + 1]}
        return [process for process in self.processes if process.name not in leaving]

    def _pause(self) -> float | None:
        times = [process.due for process in self._kept() if process.pid is None]
        if self.stopping >= 0 and self.deadline is not None:
            times.append(self.deadline)
        if heartbeat := self._heard():
            times.append(heartbeat.due())
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _watch(self, process: Process) -> None:
        def gone() -> None:
            self.selector.unregister(process.pidfd)
            status = process.ended()
            if self.heartbeat is not None and process is self.heartbeat.process:
                self.heartbeat.gone()
            if process in self._kept():
                seconds = max(0.0, process.due - time.monotonic())
                self.say("ended", name=process.name, status=status, seconds=f"{seconds:.1f}", log=process.log)
            else:
                self.say("left", name=process.name)

        self.selector.register(process.pidfd, selectors.EVENT_READ, gone)

    def _hear_signals(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal ends no call

        def heard() -> None:
            for number in ours.recv(64):
                self._asked_to_stop(number)

        self.kept_open = theirs
        self.selector.register(ours, selectors.EVENT_READ, heard)

    def _asked_to_stop(self, number: int) -> None:
        again = self.stopping >= 0
        if number == signal.SIGQUIT or again:
            self.hurry = True
        if not again:
            self.say("stopping_now" if self.hurry else "stopping")
        self._begin_step(max(self.stopping, 0))

    def _begin_step(self, index: int) -> None:
        """Asks the step's process to end: by its own command, else by SIGTERM."""
        self.stopping = index
        if index >= len(self.steps):
            return
        step = self.steps[index]
        within: float | None = step["within_now"] if self.hurry else step.get("within")
        self.deadline = None if within is None else time.monotonic() + within
        process = self._named(step["name"])
        command: list[str] | None = step.get("command_now" if self.hurry else "command")
        if process.pid is not None and not (command and self._ordered(command)):
            process.signal(signal.SIGTERM)

    def _ordered(self, command: list[str]) -> bool:
        """Gives the order; False when it failed. Asterisk's command line may stay until Asterisk has gone:
        then the order was heard, and nobody waits for it."""
        try:
            order = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return False
        self.orders.append(order)
        try:
            return order.wait(1.0) == 0
        except subprocess.TimeoutExpired:
            return True

    def _step_of_stop(self) -> bool:
        """Goes on when the step's process has ended, kills it when its time is over. False: all ended."""
        while self.stopping < len(self.steps):
            process = self._named(self.steps[self.stopping]["name"])
            if process.pid is not None:
                if self.deadline is not None and time.monotonic() >= self.deadline:
                    process.signal(signal.SIGKILL)
                    self.deadline = time.monotonic() + 1.0
                return True
            self._begin_step(self.stopping + 1)
        for order in self.orders:
            order.kill()
            order.wait()
        if self.heartbeat is not None:
            self.heartbeat.end()
        self.say("stopped")
        return False

    def _named(self, name: str) -> Process:
        return next(process for process in self.processes if process.name == name)


def main(arguments: list[str]) -> int:
    """`guard PLAN [LOCK]`: LOCK is the descriptor of the directory's lock, already held by this process."""
    plan_file = Path(arguments[0])
    run = plan_file.parent
    try:
        guard = Guard(json.loads(plan_file.read_text("utf-8")), plan_file)
    except (OSError, ValueError, KeyError) as error:
        print(f"plan.json: {error!r}", file=sys.stderr)
        return MACHINE
    lock = int(arguments[1]) if len(arguments) > 1 else take_lock(run)
    if lock is None:
        print(guard.sentences["busy"], file=sys.stderr)
        return BUSY
    os.set_inheritable(lock, False)
    os.umask(0o077)  # recordings, store and logs are nobody else's
    write_pid(run / "guard.pid")
    guard.run()
    (run / "guard.pid").unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
