"""Starting, asking and stopping the private Asterisk: a process in a session of its own, which outlives us."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import structlog

from config.language import _
from config.settings import Settings
from telephony.asterisk.installation import Installation
from telephony.asterisk.trouble import AsteriskWontStart

log = structlog.get_logger()

READY_WITHIN = 30.0  # s; it takes less than one on an idle machine


def configuration(settings: Settings) -> Path:
    return settings.var / "asterisk" / "etc" / "asterisk.conf"


def command(settings: Settings, installation: Installation) -> list[str]:
    """What the guard starts: in the foreground, with our configuration only."""
    return [str(installation.program), "-f", "-C", str(configuration(settings))]


def environment() -> dict[str, str]:
    """Nothing of ours reaches Asterisk's children but where programs are."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "HOME": "/"}


def check_ports(settings: Settings) -> None:
    """Raises `AsteriskWontStart`, naming the port, when one that we need is taken or not ours to take."""
    wanted = [
        ("SIP/UDP", socket.SOCK_DGRAM, settings.sip.bind, settings.sip.port),
        ("SIP/TCP", socket.SOCK_STREAM, settings.sip.bind, settings.sip.port),
        ("HTTP", socket.SOCK_STREAM, "127.0.0.1", settings.asterisk.http_port),
    ]
    for what, kind, address, port in wanted:
        with socket.socket(socket.AF_INET, kind) as trial:
            if kind == socket.SOCK_STREAM:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((address, port))
            except OSError as error:
                raise AsteriskWontStart(
                    _(
                        "{what} 端口 {address}:{port} 不能用：{why}",
                        what=what,
                        address=address,
                        port=port,
                        why=error.strerror,
                    )
                ) from None


class AsteriskProcess:
    """One Asterisk on one configuration; whoever made it may stop it."""

    def __init__(self, settings: Settings, installation: Installation) -> None:
        self.settings = settings
        self.installation = installation
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start and wait until it takes calls. Raises `AsteriskWontStart`."""
        if self.answers():
            raise AsteriskWontStart(_("这个目录的 Asterisk 已在运行：{path}", path=self.settings.var))
        check_ports(self.settings)
        said = self.settings.var / "asterisk" / "log" / "console.log"
        with said.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    command(self.settings, self.installation),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    env=environment(),
                    umask=0o077,
                    cwd="/",
                )
            except OSError as error:
                raise AsteriskWontStart(
                    _("程序 {program} 不能运行：{why}", program=self.installation.program, why=error.strerror)
                ) from None
        try:
            self.wait_ready()
        except AsteriskWontStart:
            self.stop(now=True)
            raise

    def wait_ready(self, within: float = READY_WITHIN) -> None:
        """Until all modules are loaded. Raises `AsteriskWontStart` with the last thing it said."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                break
            if "fully booted" in self._ask("core waitfullybooted", deadline - time.monotonic()):
                return
            time.sleep(0.05)
        raise AsteriskWontStart(_("电话交换程序没有启动：{why}", why=self._last_words()))

    def answers(self) -> bool:
        """Whether an Asterisk (ours or an earlier one) serves this directory."""
        return bool(self._ask("core show uptime seconds", 5.0))

    def rx(self, line: str) -> str:
        """What Asterisk's own command line answers. Raises `AsteriskWontStart` when it is not running."""
        said = self._ask(line, 20.0)
        if not said and not self.answers():
            raise AsteriskWontStart(_("电话交换程序没有在运行"))
        return said

    def stop(self, now: bool = False, within: float = 15.0) -> None:
        """`now` cuts calls off; else running calls are finished first, however long they take."""
        self._ask("core stop now" if now else "core stop when convenient", 5.0)
        if self._process is None:
            return
        try:
            self._process.wait(timeout=within if now else None)
        except subprocess.TimeoutExpired:
            log.warning("asterisk_killed", pid=self._process.pid)
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def _ask(self, line: str, within: float) -> str:
        arguments = [str(self.installation.program), "-C", str(configuration(self.settings)), "-rx", line]
        try:
            done = subprocess.run(
                arguments,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=max(0.5, within),
                env=environment(),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout if done.returncode == 0 else ""

    def _last_words(self) -> str:
        try:
            lines = (
                (self.settings.var / "asterisk/log/console.log").read_text("utf-8", "replace").splitlines()
            )
        except OSError:
            return ""
        return next((line for line in reversed(lines) if line.strip()), "")
