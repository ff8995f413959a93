"""The two that are compared: the line as it is shipped, and a bare dialplan on an Asterisk of the same modules."""

from __future__ import annotations

import json
import os
import socket
import string
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import numpy as np
import soundfile

from bench.load.sipp import CITIZENS
from config.city import load as city_file
from config.errors import Trouble
from config.settings import Settings, default_cache, load
from ivr import guard, plan, prepare, seats
from models.store.engine import open_store
from models.store.migrate import upgrade
from speech import models
from speech.prompts import install as prompts
from telephony.asterisk import obtain
from telephony.asterisk.process import AsteriskProcess

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")

_SETTINGS = """\
cache = "{cache}"
[sip]
bind = "{address}"
port = {port}
rtp_first = 20000
rtp_last = 23999
[asterisk]
http_port = {http}
[trunks.carrier]
match = ["{citizens}"]
contact = "sip:{citizens}:{citizens_port}"
"""


def free_port(kind: socket.SocketKind, address: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET, kind) as trial:
        trial.bind((address, 0))
        return int(trial.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """User and system time of a process: all its threads, and its children that have ended (/proc/PID/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


class Site:
    """Settings, seats' accounts and a private Asterisk in `folder`."""

    name = ""

    def __init__(self, folder: Path, address: str, count: int, citizens_port: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        text = _SETTINGS.format(
            cache=default_cache(),
            address=address,
            port=free_port(socket.SOCK_DGRAM, address),
            http=free_port(socket.SOCK_STREAM),
            citizens=CITIZENS,
            citizens_port=citizens_port,
        )
        (folder / "minsheng.toml").write_text(text, "utf-8")
        self.settings: Settings = load(folder)
        self.sip = f"{address}:{self.settings.sip.port}"
        self.city = city_file.load(self.settings.city, folder)
        self.installation = obtain.obtain(
            self.settings.cache, self.settings.asterisk.program, lambda sentence, part: None
        )
        prompts.install(self.settings.sounds)
        self.accounts = self._accounts(count)
        self.asterisk = AsteriskProcess(self.settings, self.installation)

    def _accounts(self, count: int) -> dict[str, str]:
        """Seats s1, s2 …, with 工号 of three digits; everything rendered as it is shipped."""
        store = open_store(self.settings.store_url)
        try:
            upgrade(store)
            with store.transaction() as session:
                for number in range(1, count + 1):
                    seats.add(session, f"s{number}", str(100 + number), "接警员", node="n1", by="bench")
                people = seats.active(session)
        finally:
            store.close()
        return prepare.configure(self.settings, self.city, self.installation, people)

    def pids(self) -> dict[str, int]:
        raise NotImplementedError

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by process."""
        return {name: cpu_seconds(pid) for name, pid in self.pids().items()}

    def reachable(self) -> int:
        """Seats that Asterisk would ring."""
        return self.asterisk.rx("pjsip show contacts").count(" Avail ")

    def quiet(self) -> bool:
        """Whether no channel is left."""
        return "0 active channels" in self.asterisk.rx("core show channels count")

    def tidy(self) -> None:
        """After a block: what would only fill the disk goes."""

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


class Shipped(Site):
    """Guard, Asterisk, line and worker, started as `minsheng run` starts them."""

    name = "line"

    def __init__(
        self, folder: Path, address: str, count: int, citizens_port: int, *, transcripts: bool = False
    ) -> None:
        super().__init__(folder, address, count, citizens_port)
        self._guard: subprocess.Popen[bytes] | None = None
        self.transcripts = transcripts
        if transcripts:
            models.fetch(self.settings.speech.model, self.settings.cache, lambda sentence, part: None)

    def pids(self) -> dict[str, int]:
        found = {}
        for name in ("guard", "asterisk", "line", "worker"):
            pid = guard.living(self.settings.run / f"{name}.pid")
            if pid is None:
                raise Trouble(f"{name} 不在运行：{self.folder}")
            found[name] = pid
        return found

    def start(self) -> None:
        lock = guard.take_lock(self.settings.run)
        if lock is None:
            raise Trouble(plan.busy(self.folder))
        path = plan.write(self.settings, self.installation, now=True)
        if not self.transcripts:
            _without_transcripts(path)
        os.set_inheritable(lock, True)
        try:
            self._guard = subprocess.Popen(
                [sys.executable, "-P", "-m", "ivr.guard", str(path), str(lock)],
                pass_fds=[lock],
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(lock)
        ready = self.settings.run / "line.json"
        until = time.monotonic() + 60
        while not ready.exists():
            if time.monotonic() > until or self._guard.poll() is not None:
                raise Trouble(f"系统没有启动：{self.folder}/log")
            time.sleep(0.1)

    def stop(self) -> None:
        if self._guard is None:
            return
        self._guard.terminate()
        try:
            self._guard.wait(90)
        except subprocess.TimeoutExpired:
            self._guard.kill()
        self._guard = None


class Bare(Site):
    """Asterisk alone: the same files, but for a dialplan that answers, plays, rings and records by itself."""

    name = "bare"

    def __init__(self, folder: Path, address: str, count: int, citizens_port: int) -> None:
        super().__init__(folder, address, count, citizens_port)
        values = {"raw": self.settings.raw, "sounds": self.settings.sounds, "seats": count}
        text = _Plain((HERE / "bare.conf").read_text("utf-8")).substitute(values)
        (folder / "asterisk" / "etc" / "extensions.conf").write_text(text, "utf-8")
        for number in range(1, count + 1):
            _announcement(self.settings.sounds, 100 + number, f"s{number}")

    def pids(self) -> dict[str, int]:
        pid = self.asterisk.pid
        if pid is None:
            raise Trouble(f"asterisk 不在运行：{self.folder}")
        return {"asterisk": pid}

    def tidy(self) -> None:
        """Nobody seals the bare one's recordings: 2 MB a minute and call."""
        for path in self.settings.raw.iterdir():
            path.unlink()

    def start(self) -> None:
        self.asterisk.start()

    def stop(self) -> None:
        self.asterisk.stop(now=True)


def _announcement(sounds: Path, number: int, name: str) -> None:
    """The operator's number and the words after it as one file, which is all that Dial can play."""
    names = [*(f"d{digit}" for digit in str(number)), "serves"]
    parts = [soundfile.read(sounds / f"{part}.wav", dtype="int16")[0] for part in names]
    soundfile.write(sounds / f"{name}.wav", np.concatenate(parts), 8000, subtype="PCM_16")


class _Plain(string.Template):
    delimiter = "@"


def _without_transcripts(path: Path) -> None:
    """The worker finds no model and leaves the calls unread: words are measured elsewhere, and take a whole core."""
    written = json.loads(path.read_text("utf-8"))
    for process in written["processes"]:
        if process["name"] == "worker":
            process["env"]["MINSHENG_SPEECH__MODEL"] = "none"
    path.write_text(json.dumps(written), "utf-8")
