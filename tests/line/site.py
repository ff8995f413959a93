"""A whole site for a story: Asterisk, the line, the worker, and the phones of its people, in one folder.

The shipped configuration and programs, started as the guard starts them; only numbers are changed (free ports,
shorter waits). What happened is read from the store, and from what the phones heard.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy.orm import Session

from config.city.load import load as load_city
from config.city.model import City
from config.settings import load
from demo.phones import Phone
from dialplan.render import Program, Seat, render
from models.calls import Call
from models.cases import Operator
from models.store.engine import Store, open_store
from models.store.migrate import upgrade
from models.words import Role
from speech.models import fetch
from speech.prompts.install import install
from telephony.asterisk.obtain import obtain
from telephony.asterisk.process import AsteriskProcess
from telephony.asterisk.secrets import load as load_secrets
from tests.line.ports import Ports
from tests.line.reaper import Reaper
from tests.line.site_settings import sections, write

T = TypeVar("T")

CITIZEN = "13859912345"
LEAVES_WITHIN = 30.0  # s for a process asked to end


class Site:
    """`folder` becomes its `var`. Seats op1..opN; a trunk `citizen` at 127.0.0.2.

    `words`: calls are read by the real model (fetched once, some hundred megabytes). `changes`: sections of the
    settings, `store={"url": …}` for PostgreSQL. Whatever happens in or before the story, nothing of the site is left.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seats: int = 2,
        processes: Iterable[str] = ("line", "worker"),
        words: bool = False,
        **changes: Any,
    ) -> None:
        self.folder = folder
        self.names = [f"op{number}" for number in range(1, seats + 1)]
        self._wanted = tuple(processes)
        self._words = words
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._phones: list[Phone] = []
        self._left = ExitStack()  # what is to be undone, in the order opposite to its making
        self._changes = changes

    # Life -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            self._prepare()
            for name in self._wanted:
                self.start(name)
            if "line" in self._wanted:
                await self.until(
                    lambda: (self.settings.run / "line.json").exists() or None, "the line to be ready", 20
                )
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._end()

    async def _end(self) -> None:
        try:
            await asyncio.gather(*(phone.off() for phone in self._phones), return_exceptions=True)
        finally:
            self._left.close()

    def _prepare(self) -> None:
        ports = Ports()
        self._left.callback(ports.close)
        self.citizen_port = ports.citizen
        write(self.folder / "minsheng.toml", sections(ports, self._changes, words=self._words))
        self._left.callback(Reaper(self.folder).finish)
        settings = self.settings = load(self.folder)
        self.city: City = load_city(settings.city)
        self.store: Store = open_store(settings.store_url)
        self._left.callback(self.store.close)
        upgrade(self.store)
        self._take_on_operators()
        if self._words:
            fetch(settings.speech.model, settings.cache, lambda what, share: None)
        self._start_asterisk()
        self._left.callback(self._stop_all)

    def _start_asterisk(self) -> None:
        settings = self.settings
        settings.raw.mkdir(parents=True, exist_ok=True)
        secrets = self.secrets = load_secrets(settings.secrets, self.names)
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
        self.asterisk = AsteriskProcess(settings, installation)
        self._left.callback(self.asterisk.stop, now=True)
        self.asterisk.start()

    def _take_on_operators(self) -> None:
        with self.store.transaction() as session:
            for index, name in enumerate(self.names, 1):
                operator = Operator(
                    id=name, number=f"10{index}", name=f"接警员{index}", role=Role.OPERATOR, skills=[]
                )
                session.merge(operator)

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", f"ivr.{name}"],
                env={**os.environ, "MINSHENG_VAR": str(self.folder), "PYTHONUNBUFFERED": "1"},
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
            process.wait(LEAVES_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _stop_all(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGCONT)  # a story may have stopped it
            process.terminate()
        for name in list(self._running):
            self.stop(name)

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
        self._phones.append(phone)
        await phone.__aenter__()
        await phone.register()
        await self.until(
            lambda: "Unavailable" not in self.asterisk.rx(f"pjsip show endpoint {name}") or None, name, 10
        )
        return phone

    async def citizen(self, number: str = CITIZEN) -> Phone:
        """A citizen behind the trunk, who can also be called back."""
        phone = Phone(number, folder=self.folder / "phones", address="127.0.0.2", port=self.citizen_port)
        self._phones.append(phone)
        await phone.__aenter__()
        return phone

    @property
    def uri(self) -> str:
        return f"sip:110@127.0.0.1:{self.settings.sip.port}"

    # What happened --------------------------------------------------------------------------------------

    async def until(
        self, look: Callable[[], T | None], what: str, within: float = 15.0, every: float = 0.1
    ) -> T:
        """What `look` finds, looked for until it is there. Fails saying what was waited for."""
        deadline = time.monotonic() + within
        while True:
            found = await asyncio.to_thread(look)
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {within:.0f} s in vain for {what}\n{self._last_words()}")
            await asyncio.sleep(every)

    async def row(self, query: Callable[[Session], T | None], what: str, within: float = 15.0) -> T:
        """A row that the store comes to hold."""

        def look() -> T | None:
            with self.store.reading() as session:
                return query(session)

        return await self.until(look, what, within)

    async def ended_call(
        self, within: float = 15.0, direction: str = "in", other_than: Collection[str] = ()
    ) -> Call:
        """The latest call, once it has ended; `other_than`: calls that were before."""

        def query(session: Session) -> Call | None:
            found = (
                session.query(Call).filter_by(direction=direction).order_by(Call.started_at.desc()).first()
            )
            if found is None or found.ended_at is None or found.id in other_than:
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
