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
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.city.load import load as load_city
from config.errors import Trouble
from config.settings import Settings, load
from dialplan.render import ARI_USER
from ivr.converse import Next, converse
from ivr.desk import Desk
from ivr.house import House
from ivr.logs import configure
from ivr.orders import orders
from ivr.report import Report
from ivr.stages.answering import greeting
from ivr.stages.talking import talking
from ivr.stages.waiting import waiting
from models import kinds
from models.cases import Operator
from models.store.engine import open_store
from models.store.lookup import Lookup
from models.store.spool import Spool
from telephony.ari._generated import models as ari
from telephony.ari.client import AriClient
from telephony.ari.errors import AriError, Refused
from telephony.ari.events import LinkLost, LinkUp
from telephony.asterisk.secrets import load as load_secrets
from telephony.call import Call
from telephony.router import Router

log = structlog.get_logger()

BEAT_EVERY = 1.0  # s


class Line:
    """One process: the event loop's work, task by task."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._reports: dict[str, Report] = {}  # by channel, from the first claim to the channel's end
        self._tasks: set[asyncio.Task[Any]] = set()
        self._met: set[str] = set()  # seats whose events Asterisk sends us

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("task_fault", exc_info=task.exception())

    # Events ---------------------------------------------------------------------------------------------

    async def listen(self) -> None:
        """Hand every event to whom it belongs; never waits for anything else."""
        async for event in self.house.ari.events():
            if isinstance(event, LinkUp):
                self.begin(self._link_up())
            elif isinstance(event, LinkLost):
                self.house.note(f"line:{self.house.settings.node}", kinds.LINE_STATE, state="link_lost")
            elif isinstance(event, ari.CallBroadcast):
                self.begin(self._claim(event))
            elif isinstance(event, ari.StasisStart) and event.args[:1] == ["incoming"]:
                self._incoming(event)
            elif isinstance(event, ari.DeviceStateChanged):
                self.house.desk.seat_state(
                    event.device_state.name.removeprefix("PJSIP/"), event.device_state.state
                )
            elif isinstance(event, ari.Event):
                self.house.router.dispatch(event)

    async def _claim(self, event: ari.CallBroadcast) -> None:
        with contextlib.suppress(Refused):  # gone, or claimed by another
            await self.house.ari.events.claimChannel(channelId=event.channel.id, application=self.house.app)

    async def _link_up(self) -> None:
        """(Re)subscribe, and ask Asterisk itself how the seats stand."""
        for name in [*self.house.settings.trunks, "anonymous"]:
            await self._subscribe(f"endpoint:PJSIP/{name}")
        self._met.clear()
        await self.meet_seats()
        self.house.note(f"line:{self.house.settings.node}", kinds.LINE_STATE, state="started")
        self._say_ready()

    async def meet_seats(self) -> None:
        """The desk's seats that Asterisk has not been asked about yet; one it does not know is asked for again."""
        house = self.house
        self._met &= set(house.desk.seats)
        for seat in [name for name in house.desk.seats if name not in self._met]:
            told = [await self._subscribe(f"{kind}:PJSIP/{seat}") for kind in ("deviceState", "endpoint")]
            with contextlib.suppress(AriError):
                endpoint = await house.ari.endpoints.get(tech="PJSIP", resource=seat)
                idle = endpoint.state == "online" and not endpoint.channel_ids
                house.desk.seat_state(seat, "NOT_INUSE" if idle else "UNAVAILABLE")
                if all(told):
                    self._met.add(seat)

    async def _subscribe(self, source: str) -> bool:
        try:
            await self.house.ari.applications.subscribe(applicationName=self.house.app, eventSource=[source])
        except AriError as error:
            log.warning("not_subscribed", source=source, error=str(error))
            return False
        return True

    def _say_ready(self) -> None:
        path = self.house.settings.run / "line.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({"pid": os.getpid(), "seats": list(self.house.desk.seats)}))
        fresh.replace(path)

    # Calls ----------------------------------------------------------------------------------------------

    def _incoming(self, event: ari.StasisStart) -> None:
        channel = event.channel
        call = Call(self.house.ari, self.house.router, channel.id, channel.id, channel.caller.number)
        report = self._reports.get(channel.id)
        if report is None:
            report = Report(self.house, call, channel.caller.number)
            self._reports[channel.id] = report
            report.started(channel, event.args[1] if len(event.args) > 1 else "")
        else:  # back from the fallback: the same call goes on
            report.call.superseded()
            report.call = call
        self.begin(self._serve(call, report))

    async def _serve(self, call: Call, report: Report) -> None:
        """One call from its greeting to its end; what goes wrong in a dialogue becomes the fallback."""
        desk = self.house.desk
        desk.enter(report)
        call.on_key = lambda digit: _citizen_key(desk, report, digit)
        first = Next(waiting) if report.failed else Next(greeting)
        try:
            await converse(
                call,
                report,
                self.house,
                first,
                on_person=lambda leg: Next(talking, leg),
                on_wish=Next(waiting),
            )
        except Exception as fault:
            log.exception("dialogue_fault", call=call.id)
            report.failed = True
            report.note(kinds.LINE_FAULT, what=type(fault).__name__)
            await self._give_up(call, report)
        desk.leave(report)
        if report.call is call:
            await self._end(call, report)

    async def _give_up(self, call: Call, report: Report) -> None:
        """The dialplan serves the citizen now; it may offer the call to us again, else its end is ours to note."""
        self.house.desk.leave(report)
        await call.close()
        await call.to_fallback()
        await call.destroyed

    async def _end(self, call: Call, report: Report) -> None:
        if not call.gone.done():
            await call.hang_up()
        await call.close()
        await asyncio.wait({call.destroyed}, timeout=2.0)
        self._reports.pop(call.channel, None)
        self.house.desk.forget(call.id)
        report.finish(call.cause)


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
                sender.sendto(json.dumps({"link_age": round(house.ari.link_age, 3)}).encode(), address)
            await asyncio.sleep(BEAT_EVERY)


async def keep_staff(house: House, known: list[tuple[str, str]]) -> None:
    """The seats and their operators' numbers from the store; those known before while it is away."""
    unknown: list[tuple[str, str]] = []
    operators = await house.lookup.ask(staff_list, unknown)
    house.desk.staff(operators or known)


async def watch_staff(house: House, line: Line) -> None:
    """Operators come and go while the line runs: who was added is rung, who was removed is forgotten."""
    while True:
        await asyncio.sleep(house.settings.line.poll_every)
        await keep_staff(house, [(seat.id, seat.number) for seat in house.desk.seats.values()])
        await line.meet_seats()


def staff_list(session: Session) -> list[tuple[str, str]]:
    rows = session.execute(select(Operator.id, Operator.number).where(Operator.active)).all()
    return [(row.id, row.number) for row in rows]


async def serve(settings: Settings) -> None:
    """Everything the line does, until SIGTERM. By then Asterisk has ended or another line has its calls."""
    secrets = load_secrets(settings.secrets, [])
    spool = Spool(settings.spool, settings.node)
    spool.start()
    store = open_store(settings.store_url)
    app = f"minsheng-{settings.node}"
    url = f"http://127.0.0.1:{settings.asterisk.http_port}"
    async with AriClient(url, ARI_USER, secrets.ari, app) as client:
        house = House(settings, load_city(settings.city), client, Router(), spool, Lookup(store))
        house.desk = Desk(house)
        await keep_staff(house, [(seat, "") for seat in secrets.seats])
        line = Line(house)
        work = [line.listen(), house.desk.widen(), beat(house), orders(house, line.begin)]
        work.append(watch_staff(house, line))
        tasks = [asyncio.create_task(one) for one in work]
        stop = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, stop.set)
        waiter = asyncio.create_task(stop.wait())
        await asyncio.wait([*tasks, waiter], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done() and task.exception() is not None:
                log.error("line_fault", exc_info=task.exception())
            task.cancel()
        house.note(f"line:{settings.node}", kinds.LINE_STATE, state="stopped")
    spool.stop()


def main() -> int:
    configure("line")
    try:
        asyncio.run(serve(load()))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return int(trouble.status)
    return 0


if __name__ == "__main__":
    sys.exit(main())
