"""A telephone: a whole SIP phone in a process of its own, worked by JSON lines.

`python -P -m demo.phone --address 127.0.0.2 --port 25070 --user 13859912345 --folder DIR` reads commands from stdin
(`{"id": 1, "do": "dial", "uri": "sip:110@127.0.0.1:25060"}`), answers each with an event `done` or `failed` of that
id on stdout, and tells in further events what happens on the telephone. The end of stdin switches it off.

Commands: register, unregister, manner, dial, answer, refuse, hang_up, say, tone, hush, keys, hold, resume, off.
Events: ready, registered, incoming, ringing, answered, heard, speaks, said, presses, dtmf, closed, done,
failed. Each carries `at`, the machine's monotonic clock, so that the phones' times can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TextIO

import baresip
import soundfile

from demo import phone_sound
from demo.phone_call import PhoneCall
from demo.phone_stack import Stack

Command = dict[str, Any]


class Telephone:
    """One account (or none) at one address. `answer_after`: seconds of ringing before it answers by itself, None:
    it rings; `refuse_with`: the SIP code an incoming call gets instead; `busy`: one call at a time, else 486."""

    def __init__(self, options: argparse.Namespace, out: TextIO) -> None:
        self._options = options
        self._out = out
        self._stack = Stack(options.address, options.port)
        self._account: baresip.UserAgent | None = None
        self._calls: dict[int, PhoneCall] = {}
        self._last = 0
        self._manner: Command = {"answer_after": None, "refuse_with": None, "busy": True}
        self._tasks: set[asyncio.Task[None]] = set()
        self.off = asyncio.Event()

    def tell(self, event: str, **values: Any) -> None:
        line = json.dumps({"event": event, "at": time.monotonic(), **values}, ensure_ascii=False)
        self._out.write(line + "\n")
        self._out.flush()

    async def start(self) -> None:
        await self._stack.start()
        here = f"{self._options.address}:{self._stack.port}"
        account = baresip.Account(
            user=self._options.user,
            domain=self._options.registrar or here,
            password=os.environ.get("PHONE_PASSWORD", ""),  # not in the process list
            reg_interval=600 if self._options.registrar else 0,
            audio_codecs=("pcma",),
            extra_params=("catchall=yes",),  # a trunk takes calls for any number
        )
        self._account = await baresip.UserAgent.create(self._stack.runtime, account)
        self._account.on_incoming(self._on_incoming)
        self.tell("ready", address=self._options.address, port=self._stack.port)

    async def close(self) -> None:
        for call in list(self._calls.values()):
            await call.hang_up()
        if self._calls:
            await asyncio.wait([call.closed for call in self._calls.values()], timeout=1.0)
        for task in self._tasks:
            task.cancel()
        await self._stack.close()

    def _adopt(self, call: baresip.Call, *, incoming: bool) -> PhoneCall:
        self._last += 1
        number = self._last
        recording = Path(self._options.folder) / f"{self._options.name}-{number}.wav"
        mine = PhoneCall(number, call, self.tell, recording, incoming=incoming)
        self._calls[number] = mine
        mine.closed.add_done_callback(lambda _: self._calls.pop(number, None))
        return mine

    def _on_incoming(self, call: baresip.Call) -> None:
        busy = bool(self._calls) and self._manner["busy"]
        mine = self._adopt(call, incoming=True)
        self.tell("incoming", call=mine.number, caller=_user(call.peer), busy=busy)
        code = 486 if busy else self._manner["refuse_with"]
        after = self._manner["answer_after"]
        if code:
            self._spawn(self._refuse(mine, code))
        elif after is not None:
            self._spawn(self._answer_later(mine, after))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_later(self, call: PhoneCall, after: float) -> None:
        await asyncio.wait([call.closed], timeout=after)
        if not call.closed.done():
            await self._answer(call)

    async def _answer(self, call: PhoneCall) -> None:
        try:
            await call.call.answer()
        except baresip.StaleHandleError:
            return  # cancelled in this very moment; `closed` tells it

    async def _refuse(self, call: PhoneCall, code: int) -> None:
        call.ended_here = True
        await self._stack.reject(call.call.call_id or "", code)

    async def obey(self, command: Command) -> None:
        """Carry out one command and answer it."""
        number = command.get("id")
        try:
            work: Callable[[Command], Awaitable[Command]] = getattr(self, f"do_{command['do']}")
            self.tell("done", id=number, **await work(command))
        except (baresip.BaresipError, soundfile.SoundFileError, OSError, ValueError) as error:
            self.tell("failed", id=number, why=f"{type(error).__name__}: {error}")
        except (AttributeError, KeyError) as error:
            self.tell("failed", id=number, why=f"no such command, call or value: {error}")

    async def do_register(self, command: Command) -> Command:
        assert self._account is not None
        await self._account.register(timeout=command.get("within", 5.0))
        self.tell("registered")
        return {}

    async def do_unregister(self, command: Command) -> Command:
        assert self._account is not None
        await self._account.unregister(timeout=5.0)
        return {}

    async def do_manner(self, command: Command) -> Command:
        for name in self._manner.keys() & command.keys():
            self._manner[name] = command[name]
        return {}

    async def do_dial(self, command: Command) -> Command:
        assert self._account is not None
        early: list[baresip.StackEvent] = []
        self._stack.runtime.subscribe(early.append)
        try:
            call = await self._account.dial(command["uri"])
        finally:
            self._stack.runtime.unsubscribe(early.append)
        mine = self._adopt(call, incoming=False)
        # On loopback the answer may be there before the library has made its call object, which then never
        # hears of it: tell it what it missed.
        for event in early:
            call._on_stack_event(event)
        return {"call": mine.number}

    async def do_answer(self, command: Command) -> Command:
        await self._answer(self._calls[command["call"]])
        return {}

    async def do_refuse(self, command: Command) -> Command:
        await self._refuse(self._calls[command["call"]], command.get("code", 603))
        return {}

    async def do_hang_up(self, command: Command) -> Command:
        if call := self._calls.get(command["call"]):
            await call.hang_up()
        return {}

    async def do_say(self, command: Command) -> Command:
        path = Path(command["path"])
        sound = await asyncio.to_thread(phone_sound.load, path)
        self._calls[command["call"]].say(str(path), sound)
        return {"seconds": len(sound) / phone_sound.RATE}

    async def do_tone(self, command: Command) -> Command:
        sound = phone_sound.tone(command["hertz"], command["seconds"], command.get("level", 0.3))
        self._calls[command["call"]].say(f"{command['hertz']} Hz", sound)
        return {}

    async def do_hush(self, command: Command) -> Command:
        self._calls[command["call"]].hush()
        return {}

    async def do_keys(self, command: Command) -> Command:
        call = self._calls[command["call"]]
        self.tell("presses", call=call.number, keys=command["keys"])
        await call.call.send_dtmf(command["keys"])
        return {}

    async def do_hold(self, command: Command) -> Command:
        await self._calls[command["call"]].call.hold()
        return {}

    async def do_resume(self, command: Command) -> Command:
        await self._calls[command["call"]].call.resume()
        return {}

    async def do_off(self, command: Command) -> Command:
        self.off.set()
        return {}


def _user(uri: str | None) -> str:
    return (uri or "").removeprefix("sip:").partition("@")[0]


async def _read(telephone: Telephone) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    working: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        task = asyncio.create_task(telephone.obey(json.loads(line)))
        working.add(task)
        task.add_done_callback(working.discard)
    telephone.off.set()


async def run(options: argparse.Namespace, out: TextIO) -> int:
    telephone = Telephone(options, out)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, telephone.off.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C is for the one who started us
    try:
        await telephone.start()
    except (OSError, baresip.BaresipError) as error:
        telephone.tell("failed", id=0, why=str(error))
        return 1
    reading = asyncio.create_task(_read(telephone))
    await telephone.off.wait()
    reading.cancel()
    await telephone.close()
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description="a SIP telephone worked by JSON lines on stdin and stdout")
    parser.add_argument("--name", default="phone", help="begins the names of its recordings")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--user", required=True)
    parser.add_argument("--registrar", default="", help="host:port; without it the phone has no account")
    parser.add_argument("--folder", required=True, help="recordings of what it hears")
    options = parser.parse_args()
    # The stack prints on stdout now and then; the events keep a stdout of their own.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    status = 1
    try:
        status = asyncio.run(run(options, out))
    except Exception:
        traceback.print_exc()
    out.flush()
    os._exit(status)  # the stack's own exit hooks have nothing left to do, and may not delay us


if __name__ == "__main__":
    main()
