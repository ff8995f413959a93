"""Ports of a test's own: no two tests get the same, of this run or another on the machine.

A block of ports is claimed by binding its first one for as long as the test lasts; the kernel lets go of it when the
test's process ends, however it ends. Blocks lie below the ephemeral ports and beside those of phones and the demo.
"""

from __future__ import annotations

import errno
import itertools
import socket

FIRST, LAST, BLOCK = 10000, 19999, 200
UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM


class Ports:
    """One block: the ports of an Asterisk on 127.0.0.1, and the one where the trunk's phone is on 127.0.0.2."""

    def __init__(self) -> None:
        for first in range(FIRST, LAST, BLOCK):
            claim = _bound(UDP, "127.0.0.1", first)
            if claim is None:
                continue
            self.sip, self.http, self.citizen = first + 1, first + 2, first + 3
            self.rtp_first, self.rtp_last = first + 100, first + BLOCK - 1
            if self._free():
                self._claim = claim
                return
            claim.close()  # something that lost its claim still uses them
        raise OSError(errno.EADDRINUSE, "no free block of ports")

    def close(self) -> None:
        self._claim.close()

    def _free(self) -> bool:
        """Whether nobody is found on them, media ports included."""
        wanted = [(UDP, "127.0.0.1", self.sip), (TCP, "127.0.0.1", self.sip), (TCP, "127.0.0.1", self.http)]
        wanted.append((UDP, "127.0.0.2", self.citizen))
        media = ((UDP, "127.0.0.1", port) for port in range(self.rtp_first, self.rtp_last + 1))
        for each in itertools.chain(wanted, media):
            trial = _bound(*each)
            if trial is None:
                return False
            trial.close()
        return True


def _bound(kind: socket.SocketKind, address: str, port: int) -> socket.socket | None:
    made = socket.socket(socket.AF_INET, kind)
    if kind == TCP:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the last connection may linger
    try:
        made.bind((address, port))
    except OSError:
        made.close()
        return None
    return made
