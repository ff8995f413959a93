"""A real private Asterisk for each test module, on free ports of loopback, in a directory of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.settings import Settings, load
from demo.phones import Phone
from dialplan.render import Program, Seat, render
from speech.prompts.install import install
from telephony.asterisk import secrets
from telephony.asterisk.installation import Installation
from telephony.asterisk.obtain import obtain
from telephony.asterisk.process import AsteriskProcess
from telephony.asterisk.secrets import Secrets
from tests.line.ports import Ports
from tests.line.reaper import Reaper

SEATS = ("op1", "op2", "op3")
PUBLISHED = "05986110110"


@dataclass
class Running:
    """The Asterisk of a test module. `citizen_port` is where the trunk `citizen` takes our calls on 127.0.0.2."""

    settings: Settings
    installation: Installation
    secrets: Secrets
    process: AsteriskProcess
    citizen_port: int

    def rx(self, line: str) -> str:
        return self.process.rx(line)

    @property
    def sip(self) -> str:
        return f"{self.settings.sip.bind}:{self.settings.sip.port}"

    def seat(self, name: str, folder: Path) -> Phone:
        """The phone of a seat, not registered yet."""
        return Phone(name, folder=folder, registrar=self.sip, password=self.secrets.seats[name])

    def citizen(self, folder: Path, number: str = "13859912345", *, own_port: bool = False) -> Phone:
        """A citizen behind the trunk, on the port where the trunk takes our calls too (`own_port`: on another)."""
        return Phone(number, address="127.0.0.2", port=0 if own_port else self.citizen_port, folder=folder)

    def registered(self) -> set[str]:
        """Seats that Asterisk would ring now."""
        shown = self.rx("pjsip show contacts")
        return {line.split()[1].split("/")[0] for line in shown.splitlines() if " Avail " in line}

    def channels(self) -> list[list[str]]:
        """Fields of each channel that exists (`core show channels concise`); the first is its name."""
        return [line.split("!") for line in self.rx("core show channels concise").splitlines() if "!" in line]

    async def until(self, holds: Callable[[], bool], within: float, what: str) -> None:
        """Wait for something that Asterisk or a file shows."""
        for _step in range(int(within / 0.1)):
            if holds():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"not within {within:g} s: {what}")

    async def reachable(self, *seats: str) -> None:
        """Until these seats are registered and have answered a qualify."""
        await self.until(lambda: set(seats) <= self.registered(), 10, f"{seats} to be reachable")

    def log(self) -> str:
        """What Asterisk wrote down so far, warnings and errors among it."""
        return (self.settings.var / "asterisk/log/messages.log").read_text("utf-8", "replace")


def make_settings(var: Path, ports: Ports, **line: object) -> Settings:
    """Settings of a test's line: loopback, ports of its own, a trunk from 127.0.0.2, short rounds of the fallback."""
    return load(
        var,
        sip={"port": ports.sip, "rtp_first": ports.rtp_first, "rtp_last": ports.rtp_last},
        asterisk={"http_port": ports.http},
        trunks={"citizen": {"match": ["127.0.0.2"], "contact": f"sip:127.0.0.2:{ports.citizen}"}},
        line={"fallback_rings": 3, **line},
    )


def prepare(settings: Settings, overflow: tuple[str, ...] = ()) -> tuple[Installation, Secrets]:
    """Obtain the program, render the configuration of `settings` and lay the prompts out."""
    installation = obtain(settings.cache, settings.asterisk.program, lambda sentence, part: None)
    made = secrets.load(settings.secrets, SEATS)
    seats = [Seat(name, made.seats[name]) for name in SEATS]
    program = Program(installation.modules, installation.load, installation.data)
    install(settings.sounds)
    render(settings, program, made.ari, seats, ("110",), overflow, PUBLISHED)
    return installation, made


def started(var: Path, ending: ExitStack, overflow: tuple[str, ...] = (), **line: object) -> Running:
    """An Asterisk of one's own in `var`, until `ending` is closed, even if it does not come up."""
    ports = Ports()
    ending.callback(ports.close)
    settings = make_settings(var, ports, **line)
    installation, made = prepare(settings, overflow)
    ending.callback(Reaper(var).finish)
    process = AsteriskProcess(settings, installation)
    ending.callback(process.stop, now=True)
    process.start()
    return Running(settings, installation, made, process, ports.citizen)


@pytest.fixture(scope="module")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with ExitStack() as ending:
        yield started(tmp_path_factory.mktemp("asterisk"), ending)


@pytest.fixture(scope="module")
def line_maker() -> Iterator[Callable[..., Running]]:
    """Makes further ones, for tests that need another configuration; a test may stop its `process` earlier."""
    with ExitStack() as ending:

        def make(var: Path, overflow: tuple[str, ...] = (), **line: object) -> Running:
            return started(var, ending, overflow, **line)

        yield make
