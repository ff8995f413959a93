"""The event link in virtual time: nothing is lost while it is up, and what is lost is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from telephony.ari._generated.models import ApplicationReplaced, ChannelDtmfReceived, StasisStart
from telephony.ari.client import AriClient
from telephony.ari.errors import Unreachable
from telephony.ari.events import LinkLost, LinkUp, UnknownEvent, decode
from telephony.fake.asterisk import FakeAsterisk
from telephony.fake.channels import FakeChannel

pytestmark = pytest.mark.looptime
APP = "minsheng-n1"


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    fake = FakeAsterisk()
    yield fake
    await fake.close()


async def read(client: AriClient, count: int) -> list[object]:
    """The next messages."""
    messages: list[object] = []
    async for message in client.events():
        messages.append(message)
        if len(messages) == count:
            break
    return messages


async def in_stasis(fake: FakeAsterisk, client: AriClient) -> FakeChannel:
    caller = fake.incoming("13900000001")
    await asyncio.sleep(0.1)
    await client.events.claimChannel(channelId=caller.id, application=APP)
    await asyncio.sleep(0.1)
    return caller


async def test_the_first_message_is_that_the_link_is_up(fake: FakeAsterisk) -> None:
    async with AriClient.over(fake.transport(), APP) as client:
        assert await read(client, 1) == [LinkUp(again=False)]
        assert client.is_linked and client.link_age < 1.0


async def test_without_an_application_there_is_no_link(fake: FakeAsterisk) -> None:
    async with AriClient.over(fake.transport()) as client:
        assert (await client.asterisk.ping()).ping == "pong"
        assert not client.is_linked
    assert fake.applications == {}


async def test_a_cut_link_comes_back_by_itself_and_both_are_told(fake: FakeAsterisk) -> None:
    async with AriClient.over(fake.transport(), APP) as client:
        await read(client, 1)
        fake.drop_links()
        lost, back = await read(client, 2)
        assert isinstance(lost, LinkLost) and not lost.replaced
        assert back == LinkUp(again=True)


async def test_an_asterisk_that_is_not_there_is_asked_until_it_is(fake: FakeAsterisk) -> None:
    fake.faults.refuses_links = True
    async with AriClient.over(fake.transport(), APP) as client:
        await asyncio.sleep(60.0)
        assert not client.is_linked and client.link_age == float("inf")
        with pytest.raises(Unreachable):
            await client.asterisk.ping()
        fake.faults.refuses_links = False
        assert await read(client, 1) == [LinkUp(again=False)]


async def test_a_link_without_pongs_is_given_up_and_its_age_shows_it(fake: FakeAsterisk) -> None:
    async with AriClient.over(fake.transport(), APP) as client:
        await read(client, 1)
        await asyncio.sleep(1.0)
        fake.faults.stall()
        await asyncio.sleep(2.0)
        assert client.is_linked and client.link_age > 1.5
        [lost] = await read(client, 1)
        assert lost == LinkLost(why="no pong")
        fake.faults.resume()
        assert await read(client, 1) == [LinkUp(again=True)]
        assert client.link_age < 1.0


async def test_who_took_our_name_keeps_it(fake: FakeAsterisk) -> None:
    async with AriClient.over(fake.transport(), APP) as first:
        await read(first, 1)
        async with AriClient.over(fake.transport(), APP) as second:
            await read(second, 1)
            replaced, lost = await read(first, 2)
            assert isinstance(replaced, ApplicationReplaced)
            assert isinstance(lost, LinkLost) and lost.replaced
            await asyncio.sleep(30.0)
            assert second.is_linked and not first.is_linked


async def test_a_slow_reader_loses_nothing(fake: FakeAsterisk) -> None:
    async with AriClient.over(fake.transport(), APP) as client:
        caller = await in_stasis(fake, client)
        for _ in range(500):
            caller.press("12")
        await asyncio.sleep(1.0)
        messages = await read(client, 1003)
        keys = [message.digit for message in messages if isinstance(message, ChannelDtmfReceived)]
        assert "".join(keys) == "12" * 500


async def test_an_event_told_twice_is_passed_on_once(fake: FakeAsterisk) -> None:
    async with AriClient.over(fake.transport(), APP) as client:
        await read(client, 1)
        await client.applications.subscribe(applicationName=APP, eventSource="endpoint:PJSIP/trunk")
        caller = await in_stasis(fake, client)
        caller.press("11")
        await asyncio.sleep(0.1)
        keys: list[ChannelDtmfReceived] = []
        async for message in client.events():
            if isinstance(message, ChannelDtmfReceived):
                keys.append(message)
            if isinstance(message, ChannelDtmfReceived) and message.digit == "2":
                break
            if len(keys) == 2:
                caller.press("2")
        assert [key.digit for key in keys] == ["1", "1", "2"]


async def test_what_happened_while_the_link_was_away_is_not_told(fake: FakeAsterisk) -> None:
    async with AriClient.over(fake.transport(), APP) as client:
        caller = await in_stasis(fake, client)
        fake.drop_links()
        caller.press("1")
        caller.hang_up()
        await asyncio.sleep(1.0)
        messages = await read(client, 5)
        assert isinstance(messages[-1], LinkUp) and messages[-1].again
        assert not any(isinstance(message, ChannelDtmfReceived) for message in messages)


def test_an_unknown_event_is_kept_as_it_came() -> None:
    event = decode(b'{"type":"FromTheFuture","application":"a","news":[1,2]}')
    assert event == UnknownEvent(
        type="FromTheFuture", raw={"type": "FromTheFuture", "application": "a", "news": [1, 2]}
    )


def test_an_event_that_does_not_fit_its_type_is_kept_too() -> None:
    event = decode(b'{"type":"StasisStart","application":"a","timestamp":"2026-11-24T10:00:00.000+0000"}')
    assert isinstance(event, UnknownEvent) and event.type == "StasisStart"


def test_unknown_fields_of_a_known_event_do_no_harm() -> None:
    event = decode(
        b'{"type":"BridgeDestroyed","application":"a","timestamp":"2026-11-24T18:00:00.000+0800","more":1,'
        b'"bridge":{"id":"b","technology":"t","bridge_type":"m","bridge_class":"s","creator":"c","name":"",'
        b'"channels":[],"creationtime":"2026-11-24T10:00:00.000+0000"}}'
    )
    assert not isinstance(event, UnknownEvent) and event is not None
    assert event.timestamp.utcoffset() is not None and event.timestamp.timestamp() == 1795514400.0


@pytest.mark.parametrize("text", [b"", b"not json", b"[1,2]", b"7"])
def test_rubbish_on_the_socket_is_no_event(text: bytes) -> None:
    assert decode(text) is None


def test_a_stasis_start_is_typed() -> None:
    assert StasisStart.__struct_fields__ == (
        "asterisk_id",
        "application",
        "timestamp",
        "args",
        "channel",
        "replace_channel",
    )
