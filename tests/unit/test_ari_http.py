"""Requests over HTTP: what goes out, what comes back, and what may be said of it when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from telephony.ari.client import AriClient
from telephony.ari.errors import (
    AriError,
    BadRequest,
    Conflict,
    Malformed,
    NotFound,
    Refused,
    ServerFailed,
    Unprocessable,
    Unreachable,
)
from telephony.ari.events import LinkLost, LinkUp
from telephony.fake.asterisk import FakeAsterisk
from telephony.fake.callees import no_answer
from telephony.fake.server import FakeServer

SECRET = "a-very-secret-word"
APP = "minsheng-n1"


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    fake = FakeAsterisk()
    yield fake
    await fake.close()


@pytest_asyncio.fixture
async def server(fake: FakeAsterisk) -> AsyncIterator[FakeServer]:
    async with FakeServer(fake, password=SECRET) as server:
        yield server


def client_of(server: FakeServer, app: str | None = None, deadline: float = 3.0) -> AriClient:
    return AriClient(server.url, server.user, server.password, app, deadline)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (404, NotFound),
        (409, Conflict),
        (422, Unprocessable),
        (500, ServerFailed),
        (503, ServerFailed),
        (412, Refused),
    ],
)
async def test_each_status_has_its_error(
    fake: FakeAsterisk, server: FakeServer, status: int, kind: type[Refused]
) -> None:
    fake.faults.fail_next("GET /asterisk/ping", status=status, message="said so")
    async with client_of(server) as client:
        with pytest.raises(Refused) as caught:
            await client.asterisk.ping()
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.message) == (status, "said so")


async def test_credentials_stand_in_no_address_and_in_no_error(
    fake: FakeAsterisk, server: FakeServer
) -> None:
    fake.phone("13900000001", no_answer())
    errors: list[AriError] = []
    async with client_of(server, APP) as client:
        async for _ in client.events():
            break
        for number in ("13900000001", "13900000001"):
            try:
                await client.channels.originate(
                    endpoint=f"PJSIP/{number}@trunk", app=APP, channelId="id-1", variables={"MS_CALL": "c"}
                )
            except AriError as error:
                errors.append(error)
    server.password = "another"
    async with AriClient(server.url, server.user, SECRET) as client:
        with pytest.raises(Refused) as refused:
            await client.channels.get(channelId="id-1")
    errors.append(refused.value)
    async with AriClient("http://127.0.0.1:1", server.user, SECRET) as client:
        with pytest.raises(Unreachable) as unreachable:
            await client.channels.get(channelId="id-1")
    errors.append(unreachable.value)
    assert len(errors) == 3 and len(server.seen) == 4
    told = " ".join([*server.seen, *(f"{error} {error!r} {error.__cause__!r}" for error in errors)])
    assert SECRET not in told and "api_key" not in told
    said = " ".join(str(error) for error in errors)
    assert "13900000001" not in said and "id-1" not in said


async def test_an_asterisk_that_does_not_answer_is_unreachable_after_the_deadline(
    fake: FakeAsterisk, server: FakeServer
) -> None:
    fake.faults.stall()
    async with client_of(server, deadline=0.1) as client:
        with pytest.raises(Unreachable, match="deadline"):
            await client.asterisk.ping()
        fake.faults.resume()
        assert (await client.asterisk.ping()).ping == "pong"


async def test_an_answer_of_another_shape_is_malformed(fake: FakeAsterisk, server: FakeServer) -> None:
    fake.faults.fail_next("GET /asterisk/ping", status=200, message="no ping in it")
    async with client_of(server) as client:
        with pytest.raises(Malformed):
            await client.asterisk.ping()


async def test_ids_with_odd_letters_arrive_as_they_are(fake: FakeAsterisk, server: FakeServer) -> None:
    fake.phone("8001", no_answer())
    odd = "n1-17 民生/50%.1?a=b&c"
    async with client_of(server) as client:
        made = await client.channels.originateWithId(channelId=odd, endpoint="PJSIP/8001", app=APP)
        assert made.id == odd
        assert (await client.channels.get(channelId=odd)).id == odd


async def test_what_is_left_out_is_not_sent_and_lists_have_commas(
    fake: FakeAsterisk, server: FakeServer
) -> None:
    async with client_of(server) as client:
        with pytest.raises(NotFound):
            await client.bridges.addChannel(bridgeId="b", channel=["x", "y"], absorbDTMF=True)
    assert fake.requests == [("POST /bridges/b/addChannel", {"channel": "x,y", "absorbDTMF": "true"})]


async def test_events_come_over_a_websocket_that_heals(fake: FakeAsterisk, server: FakeServer) -> None:
    seen: list[object] = []
    async with client_of(server, APP) as client:
        async for message in client.events():
            seen.append(message)
            if message == LinkUp(again=False):
                await asyncio.sleep(0.7)  # a ping and its pong pass
                assert client.link_age < 0.7
                fake.drop_links()
            if message == LinkUp(again=True):
                break
    assert isinstance(seen[1], LinkLost)
