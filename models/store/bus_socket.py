"""The doorbell on one machine: datagram sockets in a directory."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

log = structlog.get_logger()

_LARGEST = 65_536  # bytes of one ring


class SocketRinger:
    """Sends to every socket in the directory; one whose listener is gone is swept away."""

    def __init__(self, run: Path) -> None:
        self._folder = run / "bus"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ring(self, message: str) -> None:
        data = message.encode("utf-8", "replace")[:_LARGEST]
        try:
            with _short(self._folder) as folder:
                for path in Path(folder).iterdir():
                    self._send(data, path)
        except OSError:
            return  # no folder: nobody listens

    def _send(self, data: bytes, path: Path) -> None:
        try:
            self._socket.sendto(data, str(path))
        except OSError as error:  # a full one keeps its rings: it is awake anyway
            if error.errno == errno.ECONNREFUSED:
                with contextlib.suppress(OSError):
                    path.unlink()

    def close(self) -> None:
        self._socket.close()


class SocketEar:
    """One listener's socket, read by the event loop."""

    def __init__(self, run: Path) -> None:
        self._path = run / "bus" / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._socket: socket.socket | None = None

    async def open(self, heard: Callable[[str], None]) -> None:
        """Raises `OSError` when the directory cannot be written."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        with _short(self._path.parent) as folder:
            ear.bind(f"{folder}/{self._path.name}")
        self._path.chmod(0o600)
        self._socket = ear
        asyncio.get_running_loop().add_reader(ear, self._read, ear, heard)

    async def close(self) -> None:
        ear, self._socket = self._socket, None
        if ear is not None:
            asyncio.get_running_loop().remove_reader(ear)
            ear.close()
            self._path.unlink(missing_ok=True)

    def _read(self, ear: socket.socket, heard: Callable[[str], None]) -> None:
        while True:
            try:
                data = ear.recv(_LARGEST)
            except OSError:
                return
            heard(data.decode("utf-8", "replace"))


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A short name for a folder: a socket's path may have 107 bytes only, a site's directory may be deeper."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
