"""A SIP phone of a hundred lines, for the contract suite: it does what the dialled name says, on time.

As callee the user part of the INVITE's address is the script: `486`, `480`, `503`, `603` refuse with that status,
`ring` rings for ever, `nobody` says nothing at all, `answer` answers; `answer.bye2` hangs up 2 s after its answer,
`answer.keys12` presses 1 and 2. As caller: `Phone.call`. Its sound is silence in A-law, its keys RFC 4733.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import struct
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

ALAW_SILENCE = b"\xd5" * 160
KEYS = "0123456789*#ABCD"
_numbers = itertools.count(random.randrange(10**6))


class Sound(asyncio.DatagramProtocol):
    """One RTP stream: silence every 20 ms, or a key."""

    def __init__(self) -> None:
        self.heard = 0  # packets received
        self._sequence = random.randrange(30000)
        self._stamp = 0
        self._source = random.getrandbits(32)
        self._keys: list[str] = []
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard += 1

    def start(self, target: tuple[str, int]) -> None:
        """Send to `target` from now on."""
        if self._task is None:
            self._task = asyncio.create_task(self._send(target))

    def press(self, keys: str) -> None:
        """Press keys, 100 ms each with 100 ms between."""
        self._keys.extend(keys)

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self.transport.close()

    async def _send(self, target: tuple[str, int]) -> None:
        while True:
            if self._keys:
                await self._key(KEYS.index(self._keys.pop(0)), target)
            self._packet(8, ALAW_SILENCE, target)
            await asyncio.sleep(0.02)

    async def _key(self, code: int, target: tuple[str, int]) -> None:
        start = self._stamp
        for step in range(1, 9):
            ended = 0x80 if step > 5 else 0
            body = struct.pack("!BBH", code, ended | 10, min(step, 6) * 160)
            self._packet(101, body, target, stamp=start, mark=step == 1)
            if not ended:
                await asyncio.sleep(0.02)
        self._stamp += 1600
        for _ in range(5):
            self._packet(8, ALAW_SILENCE, target)
            await asyncio.sleep(0.02)

    def _packet(
        self, kind: int, body: bytes, target: tuple[str, int], *, stamp: int | None = None, mark: bool = False
    ) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        head = struct.pack(
            "!BBHII",
            0x80,
            kind | (0x80 if mark else 0),
            self._sequence,
            self._stamp if stamp is None else stamp,
            self._source,
        )
        if stamp is None:
            self._stamp += 160
        self.transport.sendto(head + body, target)


@dataclass
class Talk:
    """One SIP dialogue of the phone."""

    phone: Phone
    id: str
    peer: tuple[str, int]
    local: str  # From or To of ours, with its tag
    remote: str = ""
    target: str = ""  # request URI of the other side
    sound: Sound | None = None
    invite: str = ""  # the INVITE we got or sent
    status: int = 0  # of the final answer
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    sequence: int = 1

    def hang_up(self) -> None:
        """BYE, or CANCEL while it rings."""
        if self.ended.is_set():
            return
        method = "BYE" if self.answered.is_set() else "CANCEL"
        if method == "CANCEL":
            self.phone.send(
                _request("CANCEL", self.target, self, branch=_header(self.invite, "Via")), self.peer
            )
        else:
            self.sequence += 1
            self.phone.send(_request("BYE", self.target, self), self.peer)
        self.over(0)

    def press(self, keys: str) -> None:
        """Press keys."""
        assert self.sound is not None
        self.sound.press(keys)

    def over(self, status: int) -> None:
        """The dialogue has ended."""
        self.status = self.status or status
        self.ended.set()
        if self.sound is not None:
            self.sound.stop()
            self.sound = None


class Phone(asyncio.DatagramProtocol):
    """A phone on a UDP port of loopback; open it with `await Phone.open(...)`, close it with `close()`."""

    def __init__(self, asterisk: tuple[str, int]) -> None:
        self.asterisk = asterisk
        self.talks: dict[str, Talk] = {}
        self.invites: list[str] = []  # the name dialled of each INVITE received
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, asterisk: tuple[str, int], host: str = "127.0.0.1", port: int = 0) -> Phone:
        """Bind the phone; `asterisk` is where its SIP listens."""
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(lambda: cls(asterisk), local_addr=(host, port))
        return phone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def close(self) -> None:
        """Let go of everything, saying BYE to nobody."""
        for talk in self.talks.values():
            talk.over(0)
        for task in self._tasks:
            task.cancel()
        self.transport.close()

    def send(self, text: str, peer: tuple[str, int]) -> None:
        self.transport.sendto(text.encode(), peer)

    async def call(self, exten: str, caller: str = "13900000001") -> Talk:
        """Dial; returns at once: `talk.answered` and `talk.ended` tell the rest."""
        sound = await self._sound()
        own = f"<sip:{caller}@{self.host}:{self.port}>;tag=t{next(_numbers)}"
        target = f"sip:{exten}@{self.asterisk[0]}:{self.asterisk[1]}"
        talk = Talk(self, f"c{next(_numbers)}@{self.host}", self.asterisk, own, f"<{target}>", target, sound)
        talk.invite = _request("INVITE", target, talk, body=self._sdp(sound))
        self.talks[talk.id] = talk
        self.send(talk.invite, talk.peer)
        return talk

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode(errors="replace")
        call_id = _header(text, "Call-ID")
        if text.startswith("SIP/2.0"):
            if (talk := self.talks.get(call_id)) is not None:
                self._answer(talk, text)
        elif text.startswith("INVITE") and call_id not in self.talks:
            self._later(self._invited(text, call_id, addr))
        elif text.startswith(("BYE", "CANCEL")):
            self.send(_response(text, "200 OK"), addr)
            if (talk := self.talks.get(call_id)) is not None:
                if text.startswith("CANCEL") and not talk.answered.is_set():
                    self.send(_response(talk.invite, "487 Request Terminated", talk.local), addr)
                talk.over(487 if text.startswith("CANCEL") else 0)
        elif text.startswith("OPTIONS"):
            self.send(_response(text, "200 OK"), addr)

    def _answer(self, talk: Talk, text: str) -> None:
        """A response to something of ours."""
        status, method = int(text.split()[1]), _header(text, "CSeq").split()[-1]
        if method != "INVITE" or status < 200:
            return
        talk.remote = _header(text, "To")
        if contact := re.search(r"<(sip:[^>]+)>", _header(text, "Contact")):
            talk.target = contact[1]
        branch = "" if status < 300 else _header(talk.invite, "Via")
        self.send(_request("ACK", talk.target, talk, branch=branch), talk.peer)
        if status >= 300:
            talk.over(status)
        elif not talk.answered.is_set():
            talk.status = status
            assert talk.sound is not None
            talk.sound.start(_media(text))
            talk.answered.set()

    async def _invited(self, text: str, call_id: str, addr: tuple[str, int]) -> None:
        script = re.split("[ :@]", text)[2]
        self.invites.append(script)
        own = _header(text, "To") + f";tag=t{next(_numbers)}"
        talk = Talk(self, call_id, addr, own, _header(text, "From"), invite=text)
        if contact := re.search(r"<(sip:[^>]+)>", _header(text, "Contact")):
            talk.target = contact[1]
        self.talks[call_id] = talk
        if script == "nobody":
            return
        if script.isdigit() and len(script) == 3:
            self.send(_response(text, f"{script} No", own), addr)
            return talk.over(int(script))
        self.send(_response(text, "180 Ringing", own), addr)
        if script == "ring":
            return
        await asyncio.sleep(0.1)
        talk.sound = await self._sound()
        contact_line = f"Contact: <sip:{self.host}:{self.port}>\r\n"
        self.send(_response(text, "200 OK", own, contact_line, self._sdp(talk.sound)), addr)
        talk.sound.start(_media(text))
        talk.answered.set()
        if keys := re.search(r"\.keys([\d*#]+)", script):
            await asyncio.sleep(0.5)
            talk.press(keys[1])
        if bye := re.search(r"\.bye(\d+)", script):
            await asyncio.sleep(float(bye[1]))
            talk.hang_up()

    async def _sound(self) -> Sound:
        loop = asyncio.get_running_loop()
        _, sound = await loop.create_datagram_endpoint(Sound, local_addr=(self.host, 0))
        return sound

    def _sdp(self, sound: Sound) -> str:
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
            f"m=audio {sound.port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"
        )

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}:[ ]*(.*?)\r?$", text, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def _media(text: str) -> tuple[str, int]:
    host, port = re.search(r"c=IN IP4 (\S+)", text), re.search(r"m=audio (\d+)", text)
    assert host is not None and port is not None
    return host[1], int(port[1])


def _request(method: str, target: str, talk: Talk, body: str = "", branch: str = "") -> str:
    phone = talk.phone
    via = branch or f"SIP/2.0/UDP {phone.host}:{phone.port};branch=z9hG4bK{next(_numbers)}"
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} {target} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {talk.local}\r\n"
        f"To: {talk.remote}\r\nCall-ID: {talk.id}\r\nCSeq: {talk.sequence} {method}\r\n"
        f"Contact: <sip:{phone.host}:{phone.port}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    )


def _response(request: str, status: str, to: str = "", extra: str = "", body: str = "") -> str:
    kept = "".join(f"{name}: {_header(request, name)}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"SIP/2.0 {status}\r\n{kept}To: {to or _header(request, 'To')}\r\n{extra}{kind}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
