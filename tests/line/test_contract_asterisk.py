"""The contract, held by a real Asterisk with the shipped configuration."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from telephony.ari import generate
from telephony.ari._generated.models import StasisEnd
from telephony.ari.errors import Unreachable
from telephony.ari.events import LinkLost, LinkUp, UnknownEvent
from tests.contract.world import APP, RealWorld

pytest.register_assert_rewrite("tests.contract.behaviours")
from tests.contract.behaviours import *  # noqa: E402, F403


@pytest_asyncio.fixture
async def world(asterisk: Any) -> AsyncIterator[RealWorld]:
    world = await RealWorld.open(asterisk)
    yield world
    await world.close()


async def test_resources_and_models_are_those_of_the_running_asterisk(asterisk: Any) -> None:
    url = f"http://127.0.0.1:{asterisk.settings.asterisk.http_port}/ari/api-docs"
    token = base64.b64encode(f"minsheng:{asterisk.secrets.ari}".encode()).decode()
    docs: generate.Docs = {}
    async with aiohttp.ClientSession(headers={"Authorization": f"Basic {token}"}) as session:
        async with session.get(f"{url}/resources.json") as response:
            index = json.loads(await response.read())
        for api in index["apis"]:
            name = api["path"].removeprefix("/api-docs/").removesuffix(".{format}")
            async with session.get(f"{url}/{name}.json") as response:
                docs[name] = json.loads(await response.read())
    made = generate.sources(docs)
    for name, source in made.items():
        assert source == (generate.TARGET / name).read_text(encoding="utf-8"), f"{name}: generate it anew"


async def test_every_listing_fits_its_type(world: RealWorld) -> None:
    client = world.client
    channel, _ = await world.answered_caller()
    assert (await client.asterisk.getInfo()).system is not None
    assert {module.name for module in await client.asterisk.listModules()} >= {"res_stasis.so"}
    assert APP in {application.name for application in await client.applications.list()}
    assert [endpoint.resource for endpoint in await client.endpoints.listByTech(tech="PJSIP")] != []
    assert (await client.endpoints.get(tech="PJSIP", resource="citizen")).channel_ids == [channel]
    await client.deviceStates.get(deviceName="PJSIP/op1")
    await client.deviceStates.list()
    await client.recordings.listStored()
    await client.asterisk.listLogChannels()
    await client.channels.rtpstatistics(channelId=channel)
    assert (await client.asterisk.getGlobalVar(variable="MS_SEATS")).value is not None


async def test_every_event_of_a_call_fits_its_type(world: RealWorld) -> None:
    channel, caller = await world.answered_caller()
    leg = await world.answered_leg()
    made = await world.client.bridges.createWithId(bridgeId=world.new_id(), type="mixing")
    await world.client.bridges.addChannel(bridgeId=made.id, channel=[channel, leg])
    await world.client.bridges.play(bridgeId=made.id, media=world.sound)
    caller.hang_up()
    await world.event(StasisEnd, channel)
    unknown = [event for event in world.told if isinstance(event, UnknownEvent)]
    assert unknown == []


async def test_a_frozen_asterisk_is_noticed_and_found_again(world: RealWorld, asterisk: Any) -> None:
    await asyncio.sleep(1.0)
    assert world.client.link_age < 1.0
    os.kill(asterisk.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(Unreachable, match="deadline"):
            await world.client.asterisk.ping()
        assert (await world.event(LinkLost)).why == "no pong"
    finally:
        os.kill(asterisk.process.pid, signal.SIGCONT)
    assert (await world.event(LinkUp, within=10.0)).again
    assert (await world.client.asterisk.ping()).ping == "pong"
