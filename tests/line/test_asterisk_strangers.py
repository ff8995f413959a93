"""What comes from outside and is not a call to the line gets nothing, and hurts nothing."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from demo.phones import Phone
from demo.phones_talk import PhoneTrouble


@pytest.mark.parametrize("number", ["111", "s", "op1", "13800000000", "ms-seat"])
async def test_a_stranger_reaches_nothing_but_the_line(asterisk: Any, tmp_path: Path, number: str) -> None:
    async with Phone("stranger", address="127.0.0.5", folder=tmp_path) as stranger:
        call = await stranger.call(f"sip:{number}@{asterisk.sip}")
        assert (await call.ended(within=5)).code == 404
    assert asterisk.channels() == []


async def test_a_stranger_does_reach_the_line(asterisk: Any, tmp_path: Path) -> None:
    async with Phone("stranger", address="127.0.0.5", folder=tmp_path) as stranger:
        call = await stranger.call(f"sip:110@{asterisk.sip}")
        await call.answered(within=5)
        await call.hang_up()


async def test_a_wrong_password_is_no_seat(asterisk: Any, tmp_path: Path) -> None:
    wrong = Phone("op1", folder=tmp_path, registrar=asterisk.sip, password="guessed")
    async with wrong:
        with pytest.raises(PhoneTrouble):
            await wrong.register()
    assert "op1" not in asterisk.registered()


async def test_a_seat_dials_the_line_and_nothing_else(asterisk: Any, tmp_path: Path) -> None:
    async with asterisk.seat("op1", tmp_path) as seat:
        await seat.register()
        call = await seat.call(f"sip:110@{asterisk.sip}")
        await call.answered(within=5)
        await call.hang_up()
        other = await seat.call(f"sip:13800000000@{asterisk.sip}")
        assert (await other.ended(within=5)).code == 404


RUBBISH = {
    "noise": os.urandom(1400),
    "nothing": b"\r\n\r\n",
    "half a request": b"INVITE sip:110@x SIP/2.0\r\nVia: SIP/2.0/UDP",
    "a long line": b"REGISTER sip:" + b"a" * 60000 + b" SIP/2.0\r\n\r\n",
    "a header bomb": b"OPTIONS sip:x SIP/2.0\r\n" + b"Via: SIP/2.0/UDP 127.0.0.9\r\n" * 1000 + b"\r\n",
    "negative length": b"INVITE sip:110@x SIP/2.0\r\nContent-Length: -5\r\n\r\n",
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("kind", RUBBISH)
async def test_rubbish_on_the_sip_port_stops_no_call(asterisk: Any, tmp_path: Path, kind: str) -> None:
    to = (asterisk.settings.sip.bind, asterisk.settings.sip.port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        for _time in range(20):
            datagrams.sendto(RUBBISH[kind], to)
    with socket.create_connection(to, timeout=5) as stream:
        stream.sendall(RUBBISH[kind])
    async with asterisk.citizen(tmp_path) as citizen:
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        await call.answered(within=5)
        await call.hang_up()
