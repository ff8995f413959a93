"""A whole site for a story: Asterisk, the line, the worker, and the phones of its people, in one folder.

The shipped configuration and programs, started as the guard starts them; only numbers are changed (free ports,
shorter waits). What happened is read from the store, and from what the phones heard.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy.orm import Session

from config.city.load import load as load_city
from config.settings import Settings, default_cache, load
from demo.phones import Phone
from dialplan.render import Program, Seat, render
from models.calls import Call
from models.cases import Operator
from models.store.engine import Store, open_store
from models.store.migrate import upgrade
from models.words import Role
from speech.prompts.install import install
from telephony.asterisk.obtain import obtain
from telephony.asterisk.process import AsteriskProcess
from telephony.asterisk.secrets import load as load_secrets

T = TypeVar("T")

CITIZEN = "13859912345"
BRISK: dict[str, Any] = {  # the same line with shorter waits
    "line": {
        "answer_within": 4.0,
        "widen_every": 1.0,
        "key_within": 4.0,
        "clip_ends_after": 2.0,
        "poll_every": 1.0,
    },
    "callback": {
        "opens": "00:00:00",
        "closes": "23:59:59",
        "due_after_days": 0,
        "spacing": 1.0,
        "ring_for": 4.0,
        "key_within": 4.0,
        "tick": 0.5,
        "per_number": 1000,
    },
}


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM, address: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


class Site:
    """`folder` becomes its `var`. Seats op1..opN; a trunk `citizen` at 127.0.0.2."""

    def __init__(
        self, folder: Path, *, seats: int = 2, processes: Iterable[str] = ("line", "worker"), **changes: Any
    ) -> None:
        self.folder = folder
        self.names = [f"op{number}" for number in range(1, seats + 1)]
        self._wanted = tuple(processes)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._phones: list[Phone] = []
        self.citizen_port = free_port(socket.SOCK_DGRAM, "127.0.0.2")
        first = 30000 + (os.getpid() * 37 + int(time.monotonic() * 10)) % 300 * 100
        plain: dict[str, Any] = {
            "cache": default_cache(),
            "sip": {"port": free_port(socket.SOCK_DGRAM), "rtp_first": first, "rtp_last": first + 99},
            "asterisk": {"http_port": free_port()},
            "trunks": {
                "citizen": {"match": ["127.0.0.2"], "contact": f"sip:127.0.0.2:{self.citizen_port}"},
            },
        }
        for section, values in [*BRISK.items(), *changes.items()]:
            plain[section] = {**plain.get(section, {}), **values} if isinstance(values, dict) else values
        _write_settings(folder / "minsheng.toml", plain)
        self.settings: Settings = load(folder)
        self.city = load_city(self.settings.city)
        self.store: Store = open_store(self.settings.store_url)

    # Life -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._prepare)
        for name in self._wanted:
            self.start(name)
        if "line" in self._wanted:
            await self.until(
                lambda: (self.settings.run / "line.json").exists() or None, "the line to be ready", 20
            )
        return self

    async def __aexit__(self, *error: object) -> None:
        for phone in self._phones:
            await phone.off()
        self.asterisk.stop(now=True)
        for name in list(self._running):
            self.stop(name)
        self.store.close()

    def _prepare(self) -> None:
        settings = self.settings
        settings.raw.mkdir(parents=True, exist_ok=True)
        secrets = load_secrets(settings.secrets, self.names)
        self.secrets = secrets
        installation = obtain(settings.cache, settings.asterisk.program, lambda sentence, share: None)
        install(settings.sounds)
        numbers = self.city.numbers
        render(
            settings,
            Program(installation.modules, installation.load, installation.data),
            secrets.ari,
            [Seat(name, secrets.seats[name]) for name in self.names],
            list(numbers.published),
            [overflow.number for overflow in numbers.overflow],
            numbers.shown,
        )
        upgrade(self.store)
        with self.store.transaction() as session:
            for index, name in enumerate(self.names):
                session.merge(
                    Operator(
                        id=name,
                        number=f"10{index + 1}",
                        name=f"接警员{index + 1}",
                        role=Role.OPERATOR,
                        skills=[],
                    )
                )
        self.asterisk = AsteriskProcess(settings, installation)
        self.asterisk.start()

    def start(self, name: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        environment = {**os.environ, "MINSHENG_VAR": str(self.folder), "PYTHONUNBUFFERED": "1"}
        self._running[name] = subprocess.Popen(
            [sys.executable, "-P", "-m", f"ivr.{name}"],
            env=environment,
            stdout=log,
            stderr=log,
            cwd=self.folder,
        )

    def stop(self, name: str, sign: signal.Signals = signal.SIGTERM) -> None:
        process = self._running.pop(name, None)
        if process is None:
            return
        process.send_signal(sign)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def process(self, name: str) -> subprocess.Popen[bytes]:
        return self._running[name]

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    # People ---------------------------------------------------------------------------------------------

    async def seat(self, name: str) -> Phone:
        """An operator's phone, registered, and seen as free by Asterisk."""
        phone = Phone(
            name,
            folder=self.folder / "phones",
            registrar=f"127.0.0.1:{self.settings.sip.port}",
            password=self.secrets.seats[name],
        )
        await phone.__aenter__()
        self._phones.append(phone)
        await phone.register()
        await self.until(
            lambda: "Unavailable" not in self.asterisk.rx(f"pjsip show endpoint {name}") or None, name, 10
        )
        return phone

    async def citizen(self, number: str = CITIZEN) -> Phone:
        """A citizen behind the trunk, who can also be called back."""
        phone = Phone(number, folder=self.folder / "phones", address="127.0.0.2", port=self.citizen_port)
        await phone.__aenter__()
        self._phones.append(phone)
        return phone

    @property
    def uri(self) -> str:
        return f"sip:110@127.0.0.1:{self.settings.sip.port}"

    # What happened --------------------------------------------------------------------------------------

    async def until(self, look: Callable[[], T | None], what: str, within: float = 15.0) -> T:
        """What `look` finds, looked for until it is there. Fails saying what was waited for."""
        deadline = time.monotonic() + within
        while True:
            found = await asyncio.to_thread(look)
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {within:.0f} s in vain for {what}\n{self._last_words()}")
            await asyncio.sleep(0.1)

    async def row(self, query: Callable[[Session], T | None], what: str, within: float = 15.0) -> T:
        """A row that the store comes to hold."""

        def look() -> T | None:
            with self.store.reading() as session:
                return query(session)

        return await self.until(look, what, within)

    async def ended_call(self, within: float = 15.0, direction: str = "in") -> Call:
        """The latest call, once it has ended."""

        def query(session: Session) -> Call | None:
            found = (
                session.query(Call).filter_by(direction=direction).order_by(Call.started_at.desc()).first()
            )
            if found is None or found.ended_at is None:
                return None
            assert found.legs is not None and found.recordings is not None  # loaded while the session is open
            return found

        return await self.row(query, "the call's end in the store", within)

    async def no_channel_left(self, within: float = 5.0) -> None:
        """No leg, no bridge: Asterisk holds nothing of the calls any more."""
        await self.until(
            lambda: True if "0 active channels" in self.asterisk.rx("core show channels") else None,
            "all channels to be gone",
            within,
        )
        assert "bridge" not in self.asterisk.rx("bridge show all").lower().replace("bridge-id", "")

    def _last_words(self) -> str:
        words = []
        for name in self._wanted:
            path = self.folder / f"{name}.log"
            if path.exists():
                words.append(
                    f"--- {name}\n" + "\n".join(path.read_text("utf-8", "replace").splitlines()[-15:])
                )
        return "\n".join(words)


def _write_settings(path: Path, sections: dict[str, Any]) -> None:
    """The site's TOML file, with just what a site would write."""
    lines: list[str] = []

    def value(item: Any) -> str:
        if isinstance(item, list):
            return "[" + ", ".join(value(one) for one in item) + "]"
        return str(item) if isinstance(item, int | float) else f'"{item}"'

    def write(prefix: str, table: dict[str, Any]) -> None:
        for key, item in table.items():
            if not isinstance(item, dict):
                lines.append(f"{key} = {value(item)}")
        for key, item in table.items():
            if isinstance(item, dict):
                lines.append(f"[{prefix}{key}]")
                write(f"{prefix}{key}.", item)

    write("", sections)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
