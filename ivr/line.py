"""The line: takes the calls that Asterisk offers, gives each its task, and rings back whom the scheduler leased.

Run as `python -P -m ivr.line` by the guard. Nothing here may stall the loop: the store is read through `Lookup`
with a deadline, and everything that happens goes into the spool without waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from typing import Any

import structlog

from config.errors import Exit, Trouble
from config.settings import Settings, load
from dialplan.render import ARI_USER
from ivr.adoption import Before, until_caught_up
from ivr.converse import Next, converse
from ivr.desk import Desk
from ivr.dump import dump_on_signal
from ivr.house import House
from ivr.logs import configure
from ivr.orders import orders
from ivr.report import Report, dialable
from ivr.staff import Staff
from ivr.stages.answering import greeting
from ivr.stages.talking import talking
from ivr.stages.waiting import resuming, waiting
from models import kinds
from models.store.engine import open_store
from models.store.lookup import Lookup
from models.store.spool import Spool
from telephony.ari._generated import models as ari
from telephony.ari.client import AriClient
from telephony.ari.errors import AriError
from telephony.ari.events import LinkLost, LinkUp, Message
from telephony.asterisk.secrets import load as load_secrets
from telephony.call import Call
from telephony.router import Router

log = structlog.get_logger()

BEAT_EVERY = 1.0  # s
FAULTS = 3  # of our dialogues on one call: from then on the dialplan has it alone
TAKEN_AFTER = 2.0  # s: a channel that left us and has not ended by then is in the dialplan
PHONES_FREE = 0.5  # s in which phones that ring for us stop, so that the dialplan finds them free


class Line:
    """One process: the event loop's work, task by task."""

    def __init__(self, house: House, staff: Staff) -> None:
        self.house = house
        self._staff = staff
        self._reports: dict[str, Report] = {}  # by channel, from the first claim to the channel's end
        self._tasks: set[asyncio.Task[Any]] = set()
        self._links = 0  # links that came up and are not caught up with
        self._linking = asyncio.Lock()
        self._unclaimed: list[Message] = []  # events meanwhile that nobody took

    @property
    def reports(self) -> dict[str, Report]:
        return self._reports

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("task_fault", exc_info=task.exception())

    async def let_be(self) -> None:
        """End what we do, and leave every channel as it is: this process ends, not the calls."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    # Events ---------------------------------------------------------------------------------------------

    async def listen(self) -> None:
        """Hand every event to whom it belongs; never waits for anything else, and no event ends it."""
        async for event in self.house.ari.events():
            self._heard(event)
            if isinstance(event, LinkLost) and event.replaced:
                return  # another line has the calls: whatever we did now would be done twice

    def _heard(self, event: Message) -> None:
        try:
            self._take(event)
        except Exception:
            log.exception("event_fault", event_type=type(event).__name__)
            if isinstance(event, ari.StasisStart):
                self.begin(self.send_back(event.channel))

    def _take(self, event: Message) -> None:
        house = self.house
        if isinstance(event, LinkUp):
            self._links += 1
            self.begin(self._link_up(event.again, Before.now(house, self)))
        elif isinstance(event, LinkLost):
            house.note(f"line:{house.settings.node}", kinds.LINE_STATE, state="link_lost")
        elif isinstance(event, ari.CallBroadcast):
            self._offered(event.channel.id)
        elif isinstance(event, ari.StasisStart) and event.args[:1] == ["incoming"]:
            self._incoming(event)
        elif isinstance(event, ari.DeviceStateChanged):
            house.desk.seat_state(event.device_state.name.removeprefix("PJSIP/"), event.device_state.state)
        elif isinstance(event, ari.Event) and not house.router.dispatch(event):
            if self._links:
                self._unclaimed.append(event)
            elif isinstance(event, ari.StasisStart):
                self.begin(self.send_back(event.channel))

    def _offered(self, channel: str) -> None:
        report = self._reports.get(channel)
        if report is None or report.faults < FAULTS:
            self.begin(self._claim(channel))

    async def _claim(self, channel: str) -> None:
        with contextlib.suppress(AriError):  # gone, or claimed by another
            await self.house.ari.events.claimChannel(channelId=channel, application=self.house.app)

    async def send_back(self, channel: ari.Channel) -> None:
        """A channel nobody here speaks with: a citizen to the dialplan, which rings everyone; our own leg to its end.

        Such a leg was rung for a call that is over, or by the line before this one.
        """
        with contextlib.suppress(AriError):
            if channel.dialplan.context in ("ms-seat", "ms-callback"):
                await self.house.ari.channels.hangup(channelId=channel.id, reason="normal")
            else:
                await self.house.ari.channels.continueInDialplan(
                    channelId=channel.id, context="ms-fallback", extension="s", priority=1
                )

    async def _link_up(self, again: bool, before: Before) -> None:
        """(Re)subscribe, ask Asterisk itself how seats and calls stand, then go through what happened meanwhile."""
        house = self.house
        try:
            async with self._linking:
                state = "link_back" if again else "started"
                house.note(f"line:{house.settings.node}", kinds.LINE_STATE, state=state)
                await self._staff.linked()
                caught_up = await until_caught_up(house, self, before)
        finally:
            self._links -= 1
            if not self._links:
                unclaimed, self._unclaimed = self._unclaimed, []
                for event in unclaimed:
                    self._heard(event)
        if caught_up:
            self._say_ready()
            house.adopted.set()

    def _say_ready(self) -> None:
        path = self.house.settings.run / "line.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({"pid": os.getpid(), "seats": list(self.house.desk.seats)}))
        fresh.replace(path)

    # Calls ----------------------------------------------------------------------------------------------

    def _incoming(self, event: ari.StasisStart) -> None:
        channel = event.channel
        caller = dialable(channel.caller.number)
        call = Call(self.house.ari, self.house.router, channel.id, channel.id, caller)
        report = self._reports.get(channel.id)
        if report is None:
            report = Report(self.house, call, caller)
            self._reports[channel.id] = report
            report.started(channel, event.args[1] if len(event.args) > 1 else "")
            self.begin(self.serve(call, report, Next(greeting)))
        else:
            self._again(call, report)

    def take_again(self, channel: ari.Channel, report: Report) -> None:
        """The citizen is back from the dialplan, and the event that says so was lost."""
        self._again(Call(self.house.ari, self.house.router, channel.id, channel.id, report.phone), report)

    def _again(self, call: Call, report: Report) -> None:
        """Back from the fallback: the same call goes on."""
        report.call.superseded()
        report.call = call
        self.begin(self.serve(call, report, resuming(report, self.house)))

    async def serve(self, call: Call, report: Report, first: Next | None, *, at_desk: bool = True) -> None:
        """One call from its first stage to its end; what goes wrong in a dialogue becomes the fallback.

        `at_desk`: phones ring for it from the beginning.
        """
        desk = self.house.desk
        if at_desk:
            desk.enter(report)
        call.on_key = lambda digit: _citizen_key(desk, report, digit)
        try:
            await converse(
                call,
                report,
                self.house,
                first,
                on_person=lambda leg: Next(talking, leg),
                on_wish=Next(waiting),
            )
            await self._left(call, report)
        except Exception as fault:
            log.exception("dialogue_fault", call=call.id)
            report.faults += 1
            report.note(kinds.LINE_FAULT, what=type(fault).__name__)
            await self._give_up(call, report)
        await call.until_destroyed()
        if report.call is call:
            self._reports.pop(call.channel, None)
            desk.forget(call.id)
            report.finish(call.cause)

    async def _left(self, call: Call, report: Report) -> None:
        """The dialogue is over: the citizen has gone, or was taken elsewhere, or a person has let them go."""
        if report.call is call:
            self.house.desk.leave(report)
        await call.close()
        if not call.gone.done():
            await call.hang_up()
        await asyncio.wait({call.destroyed}, timeout=TAKEN_AFTER)
        if call.gone.done() and not call.destroyed.done():
            report.failed = True  # not hung up: the guard or a person gave them to the dialplan

    async def _give_up(self, call: Call, report: Report) -> None:
        """The dialplan serves the citizen now; it may offer the call to us again, else its end is ours to note."""
        report.failed = True
        ringing = self.house.desk.leave(report)
        await call.close()
        if ringing:
            await asyncio.wait(ringing, timeout=PHONES_FREE)
        await call.to_fallback()


def _citizen_key(desk: Desk, report: Report, digit: str) -> None:
    """0 and 1 mean the same at every moment: a person; an emergency."""
    report.note(kinds.CALL_KEY, leg=report.call.channel, digit=digit)
    if digit in "01":
        desk.hurry(report, emergency=digit == "1")


async def beat(house: House) -> None:
    """Once a second, from the loop itself, with the age of Asterisk's last sign of life: the guard listens."""
    address = str(house.settings.run / "beat.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        while True:
            with contextlib.suppress(OSError):  # nobody listens
                beat = {"pid": os.getpid(), "link_age": round(house.ari.link_age, 3)}
                sender.sendto(json.dumps(beat).encode(), address)
            await asyncio.sleep(BEAT_EVERY)


async def serve(settings: Settings) -> bool:
    """Everything the line does, until SIGTERM; False when something of it ended by itself. Hangs nothing up.

    By then Asterisk has ended or another line has its calls.
    """
    secrets = load_secrets(settings.secrets, [])
    spool = Spool(settings.spool, settings.node)
    spool.start()
    store = open_store(settings.store_url)
    lookup = Lookup(store)
    url = f"http://127.0.0.1:{settings.asterisk.http_port}"
    try:
        async with AriClient(url, ARI_USER, secrets.ari, f"minsheng-{settings.node}") as client:
            house = House.of_site(settings, client, Router(), spool, lookup)
            house.desk = Desk(house)
            return await _work(house, Staff(house, list(secrets.seats)))
    finally:
        lookup.close()
        store.close()
        spool.stop()


async def _work(house: House, staff: Staff) -> bool:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    await staff.read()
    line = Line(house, staff)
    work = [line.listen(), staff.keep(), house.desk.widen(), beat(house), orders(house, line.begin)]
    tasks = {asyncio.create_task(one) for one in work}
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait({*tasks, asked}, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            log.error("line_fault", exc_info=task.exception())
        task.cancel()
    await asyncio.wait(tasks, timeout=1.0)
    await line.let_be()
    house.note(f"line:{house.settings.node}", kinds.LINE_STATE, state="stopped")
    return asked.done()


def main() -> int:
    dump_on_signal()
    configure("line")
    try:
        return int(Exit.OK if asyncio.run(serve(load())) else Exit.BUG)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return int(trouble.status)


if __name__ == "__main__":
    sys.exit(main())
