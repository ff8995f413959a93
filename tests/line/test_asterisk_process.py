"""Starting and stopping: ports in use, a second one on the same directory, calls finished first."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.errors import Exit
from telephony.asterisk.process import AsteriskProcess, command
from telephony.asterisk.trouble import AsteriskWontStart


@pytest.fixture
def own(tmp_path: Path, line_maker: Any) -> Iterator[Any]:
    running = line_maker(tmp_path)
    yield running
    running.process.stop(now=True)


def test_a_second_one_on_the_same_directory_is_refused(own: Any) -> None:
    second = AsteriskProcess(own.settings, own.installation)
    with pytest.raises(AsteriskWontStart) as caught:
        second.start()
    assert caught.value.status == Exit.MACHINE
    assert own.process.answers(), "the first is not disturbed"


@pytest.mark.parametrize("which", ["sip", "http"])
def test_a_port_in_use_is_named(own: Any, which: str) -> None:
    own.process.stop(now=True)
    sip = which == "sip"
    port = own.settings.sip.port if sip else own.settings.asterisk.http_port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if sip else socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", port))
        if not sip:
            taken.listen()
        with pytest.raises(AsteriskWontStart) as caught:
            own.process.start()
    assert str(port) in str(caught.value)
    own.process.start()
    assert own.process.answers(), "and once it is free, it starts"


def test_one_that_cannot_start_says_why(own: Any) -> None:
    own.process.stop(now=True)
    (own.settings.var / "asterisk/etc/asterisk.conf").write_text("[directories]\nastmoddir => /nowhere\n")
    with pytest.raises(AsteriskWontStart):
        own.process.start()


def test_another_hand_can_ask_and_stop_it(own: Any) -> None:
    other = AsteriskProcess(own.settings, own.installation)
    assert other.answers()
    other.stop(now=True)
    for _step in range(100):
        if not other.answers():
            return
    raise AssertionError("it is still there")


async def test_calls_are_finished_before_it_stops(own: Any, tmp_path: Path) -> None:
    async with own.citizen(tmp_path) as citizen:
        call = await citizen.call(f"sip:110@{own.sip}")
        await call.answered(within=5)
        stopping = asyncio.ensure_future(asyncio.to_thread(own.process.stop))
        await asyncio.sleep(2)
        assert call.closed is None and not stopping.done()
        late = await citizen.call(f"sip:110@{own.sip}")
        await late.answered(within=5)  # nobody is turned away while we wait
        await late.hang_up()
        await call.hang_up()
        await asyncio.wait([stopping], timeout=15)
        assert stopping.done() and not own.process.answers()


def test_it_is_started_in_the_foreground_with_our_configuration(own: Any) -> None:
    program, *arguments = command(own.settings, own.installation)
    assert program == str(own.installation.program)
    assert arguments == ["-f", "-C", str(own.settings.var / "asterisk/etc/asterisk.conf")]
