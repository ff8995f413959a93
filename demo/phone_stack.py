"""What the phones need of baresip beyond its Python API: an address of their own on loopback, and any reject code.

baresip looks for its addresses on the machine's interfaces and finds only 127.0.0.1 on `lo`; a trunk that is
identified by address needs 127.0.0.2. Its Python API rejects with 486 only; a story also needs 603, 480 …
Both are one call of the C library inside the wheel (`sip_transp_add`, `ua_hangup`: documented functions of libre
and baresip), made on the library's own thread: it owns its sockets by thread.
"""

from __future__ import annotations

import ctypes
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

import baresip
from baresip import _events, _native

RTP_PORTS = "30000-32700"  # below the machine's ephemeral ports, away from Asterisk's
_UDP = 0  # enum sip_transp
_SOCKADDR_ROOM = 512  # bytes, more than libre's struct sa (about 140)

_library = ctypes.CDLL(_native.__file__)
_library.uag_sip.restype = ctypes.c_void_p
_library.uag_call_find.restype = ctypes.c_void_p
_library.uag_call_find.argtypes = [ctypes.c_char_p]
_library.call_get_ua.restype = ctypes.c_void_p
_library.call_get_ua.argtypes = [ctypes.c_void_p]
_library.ua_hangup.restype = None
_library.ua_hangup.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint16, ctypes.c_char_p]
_library.sa_set_str.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint16]
_library.sip_transp_add.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]

REASONS = {404: "Not Found", 480: "Temporarily Unavailable", 486: "Busy Here", 503: "Service Unavailable"}


def free_port(address: str) -> int:
    """A UDP port that nobody uses at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


class Stack:
    """One SIP stack at one address and port. One per process."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self.port = port or free_port(address)
        self.runtime = baresip.Runtime(native_log_level="error")
        self._jobs: deque[Callable[[], None]] = deque()

    async def start(self) -> None:
        """Raises `OSError` when the port is taken, `baresip.BaresipError` when the stack does not start."""
        await self.runtime.start(
            baresip.Config(
                net_interface="127.0.0.1" if self.address.startswith("127.") else self.address,
                max_concurrent_calls=None,  # every INVITE must reach us: a busy phone answers 486 itself
                native_log_level="error",
                # no interface has this address: the stack opens no port by itself
                extra_config_text=f"sip_listen 127.255.255.254:9\nrtp_ports {RTP_PORTS}\n",
            )
        )
        _events.set_sink(self._on_native_event)  # type: ignore[no-untyped-call]
        await self._on_stack_thread(self._listen)

    def _listen(self) -> None:
        place = ctypes.create_string_buffer(_SOCKADDR_ROOM)
        error = _library.sa_set_str(place, self.address.encode(), self.port)
        error = error or _library.sip_transp_add(_library.uag_sip(), _UDP, place)
        if error:
            raise OSError(error, f"no SIP port {self.address}:{self.port}")

    async def reject(self, sip_call_id: str, code: int) -> None:
        """End an unanswered incoming call with this SIP code; nothing happens if it is gone already."""

        def job() -> None:
            call = _library.uag_call_find(sip_call_id.encode())
            if call:
                reason = REASONS.get(code, "Decline").encode()
                _library.ua_hangup(_library.call_get_ua(call), call, code, reason)

        await self._on_stack_thread(job)

    async def _on_stack_thread(self, job: Callable[[], None]) -> None:
        failed: list[Exception] = []

        def run() -> None:
            try:
                job()
            except Exception as error:
                failed.append(error)

        self._jobs.append(run)
        await self.runtime.cmd(_native.lib.BP_CMD_PING)  # its answer comes on the stack's thread
        if failed:
            raise failed[0]

    def _on_native_event(self, event: int, handle: int, payload: Any) -> None:
        while self._jobs:
            self._jobs.popleft()()
        self.runtime._on_native_event(event, handle, payload)

    async def close(self) -> None:
        await self.runtime.close()
