"""Phones in one's hand: each a SIP phone in a process of its own (`demo.phone`), used from asyncio.

    async with Phone("13859912345", address="127.0.0.2", folder=folder) as citizen:
        talk = await citizen.call("sip:110@127.0.0.1:25060")
        await talk.answered(within=5)
        await talk.heard_speech(within=10)      # the notice has been spoken
        await talk.say(Path("citizen_1.flac"))
        await talk.keys("1")
        await talk.hang_up()

Every wait is bounded and ends with a `PhoneTrouble` that says what was waited for. Times (`…_at`) are the machine's
monotonic clock in seconds, comparable between phones.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from demo.phones_talk import PhoneTrouble, Talk, TooLate

START_WITHIN = 20.0  # s until a phone's process is ready, on a machine with much else to do
ROOT = str(Path(__file__).resolve().parent.parent)  # where `demo` lies
COMMAND_WITHIN = 15.0  # s for an answer to a command
OFF_WITHIN = 5.0  # s for a phone to switch itself off, then it is killed


class Phone:
    """One telephone. `registrar` (host:port) with `password`: an account; without: a line of a trunk.

    `talks` holds every call it ever had, `invites` the callers of each INVITE that reached it.
    """

    def __init__(
        self,
        user: str,
        *,
        folder: Path,
        name: str = "",
        address: str = "127.0.0.1",
        port: int = 0,
        registrar: str = "",
        password: str = "",
    ) -> None:
        self.user = user
        self.name = name or user
        self.address = address
        self.port = port
        self.registrar = registrar
        self.folder = folder
        self.talks: list[Talk] = []
        self.invites: list[str] = []
        self.diary: list[dict[str, Any]] = []  # every event, as told
        self.on_event: Callable[[Phone, dict[str, Any]], None] | None = None
        self._password = password
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()
        self._taken = 0  # incoming talks handed out by `next_call`

    # -- the process ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments = ["--name", self.name, "--address", self.address, "--port", str(self.port)]
        arguments += ["--user", self.user, "--registrar", self.registrar, "--folder", str(self.folder)]
        ready = self._answers[0] = asyncio.get_running_loop().create_future()
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "demo.phone", *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PHONE_PASSWORD": self._password, "PYTHONPATH": ROOT},
            )
        self._reading = asyncio.create_task(self._read())
        try:
            await self._within(ready, START_WITHIN, "its process to start")
        except BaseException:
            await self.off()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.off()

    async def off(self) -> None:
        """Switch the phone off: it hangs up and its process ends, by itself or killed. May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        ending = asyncio.ensure_future(process.wait())
        await asyncio.wait([ending], timeout=OFF_WITHIN)
        if not ending.done():
            process.kill()
            await ending
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=OFF_WITHIN)

    def freeze(self) -> None:
        """The phone hangs: it answers nothing any more (SIGSTOP) until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """The phone loses its power: no BYE, no unregister."""
        self._signal(signal.SIGKILL)

    def _signal(self, what: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(what)

    async def _read(self) -> None:
        process = self._process
        assert process is not None and process.stdout is not None
        while line := await process.stdout.readline():
            self._on_event(json.loads(line))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(PhoneTrouble(f"phone {self.name} went off"))
        for talk in self.talks:
            talk.take({"event": "closed", "at": 0.0, "code": 0, "reason": "phone off", "by": "here"})
        self._wake()

    def _on_event(self, event: dict[str, Any]) -> None:
        self.diary.append(event)
        match event["event"]:
            case "ready":
                self.port = event["port"]
                self._answers[0].set_result(event)
            case "done" | "failed":
                answer = self._answers.pop(event["id"], None)
                if answer is None or answer.done():
                    pass
                elif event["event"] == "done":
                    if "call" in event and len(self.talks) < event["call"]:
                        self.talks.append(Talk(self, event["call"], "", event["at"], incoming=False))
                    answer.set_result(event)
                else:
                    answer.set_exception(PhoneTrouble(f"phone {self.name}: {event['why']}"))
            case "incoming":
                self.invites.append(event["caller"])
                self.talks.append(Talk(self, event["call"], event["caller"], event["at"], incoming=True))
            case _ if "call" in event:
                while len(self.talks) < event["call"]:  # told before the answer to `dial`
                    self.talks.append(Talk(self, len(self.talks) + 1, "", event["at"], incoming=False))
                self.talks[event["call"] - 1].take(event)
        if self.on_event is not None:
            self.on_event(self, event)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def command(self, do: str, *, within: float = COMMAND_WITHIN, **values: Any) -> dict[str, Any]:
        """One command of `demo.phone` and its answer. Raises `PhoneTrouble`."""
        if self._process is None or self._process.stdin is None or self._process.returncode is not None:
            raise PhoneTrouble(f"phone {self.name} is off")
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "do": do, **values}, ensure_ascii=False)
        self._process.stdin.write(line.encode() + b"\n")
        return await self._within(answer, within, f"the answer to {do}")

    async def _within(
        self, answer: asyncio.Future[dict[str, Any]], within: float, what: str
    ) -> dict[str, Any]:
        await asyncio.wait([answer], timeout=within)
        if not answer.done():
            raise TooLate(f"phone {self.name} waited {within:g} s for {what}")
        return answer.result()

    async def until(self, holds: Callable[[], bool], within: float, what: str) -> None:
        """Wait until something the phone's events change holds. Raises `TooLate` naming `what`."""
        deadline = asyncio.get_running_loop().time() + within
        while not holds():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise TooLate(f"phone {self.name} waited {within:g} s for {what}")
            waiting = asyncio.ensure_future(self._changed.wait())
            try:
                await asyncio.wait([waiting], timeout=left)
            finally:
                waiting.cancel()

    # -- what one does with a phone ------------------------------------------------------------------

    async def register(self, within: float = 5.0) -> None:
        """Raises `PhoneTrouble` when the registrar refuses or is silent."""
        await self.command("register", within=within + 5.0)

    async def unregister(self) -> None:
        await self.command("unregister")

    async def manner(
        self, *, answer_after: float | None = None, refuse_with: int | None = None, busy: bool = True
    ) -> None:
        """How it takes incoming calls: answers by itself after so many seconds of ringing (None: rings on), or
        refuses with a SIP code. `busy`: while in a call, further ones get 486."""
        await self.command("manner", answer_after=answer_after, refuse_with=refuse_with, busy=busy)

    async def call(self, uri: str) -> Talk:
        """Dial; returns as soon as the INVITE is sent."""
        done = await self.command("dial", uri=uri)
        return self.talks[int(done["call"]) - 1]

    async def next_call(self, within: float) -> Talk:
        """The next incoming call nobody asked for yet, ringing or already over."""
        await self.until(lambda: len(self._incoming()) > self._taken, within, "an incoming call")
        self._taken += 1
        return self._incoming()[self._taken - 1]

    def _incoming(self) -> list[Talk]:
        return [talk for talk in self.talks if talk.incoming]

    def invites_from(self, caller: str) -> int:
        return Counter(self.invites)[caller]

    @property
    def talk(self) -> Talk:
        """The latest call."""
        if not self.talks:
            raise PhoneTrouble(f"phone {self.name} has had no call")
        return self.talks[-1]

    @property
    def recorded(self) -> Path:
        """What it heard in the latest call, 8 kHz mono WAV from the answer on."""
        return self.talk.recorded

    async def heard_speech(self, within: float) -> None:
        await self.talk.heard_speech(within)

    async def play(self, path: Path) -> None:
        await self.talk.say(path)

    async def keys(self, keys: str) -> None:
        await self.talk.keys(keys)

    async def hang_up(self) -> None:
        await self.talk.hang_up()
