"""What FakeAsterisk offers a test beyond the contract: people, trouble, and things only it can see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import pytest
import pytest_asyncio

from telephony.ari._generated import models
from telephony.ari.client import AriClient
from telephony.ari.errors import Conflict, ServerFailed, Unreachable
from telephony.ari.events import LinkUp
from telephony.fake.asterisk import FakeAsterisk
from telephony.fake.callees import answers, no_answer
from telephony.fake.channels import FakeChannel

pytestmark = pytest.mark.looptime
APP = "minsheng-n1"
E = TypeVar("E")


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    fake = FakeAsterisk(seconds_of_media=2.0)
    yield fake
    await fake.close()


@pytest_asyncio.fixture
async def client(fake: FakeAsterisk) -> AsyncIterator[AriClient]:
    async with AriClient.over(fake.transport(), APP) as client:
        assert await anext(client.events()) == LinkUp(again=False)
        yield client


async def _first(client: AriClient, kind: type[E]) -> AsyncIterator[E]:
    async for event in client.events():
        if isinstance(event, kind):
            yield event
            return


async def claimed(fake: FakeAsterisk, client: AriClient) -> FakeChannel:
    caller = fake.incoming("13900000001")
    await asyncio.sleep(0.1)
    await client.events.claimChannel(channelId=caller.id, application=APP)
    await asyncio.sleep(0.1)
    return caller


async def test_a_script_acts_on_what_it_hears(fake: FakeAsterisk, client: AriClient) -> None:
    pressed: list[float] = []

    async def citizen(channel: FakeChannel) -> None:
        await channel.hears("solved")
        await asyncio.sleep(1.5)
        pressed.append(fake.now())
        channel.press("1")

    fake.phone("13900000002", answers(3.0).then(citizen))
    await client.channels.originate(endpoint="PJSIP/13900000002@trunk", app=APP, channelId="a-1")
    await asyncio.sleep(4.0)
    await client.channels.play(channelId="a-1", media=["sound:hello", "sound:prompts/solved"])
    asked = fake.now()
    assert [key.digit async for key in _first(client, models.ChannelDtmfReceived)] == ["1"]
    assert pressed and 3.4 < pressed[0] - asked < 3.7


async def test_a_request_made_to_fail_is_not_carried_out(fake: FakeAsterisk, client: AriClient) -> None:
    fake.phone("8001", no_answer())
    fake.faults.fail_next(r"POST /channels/leg", status=500, message="Allocation failed")
    with pytest.raises(ServerFailed, match="Allocation failed"):
        await client.channels.originateWithId(channelId="leg", endpoint="PJSIP/8001", app=APP)
    assert fake.channels == {} and fake.dialled == []
    await client.channels.originateWithId(channelId="leg", endpoint="PJSIP/8001", app=APP)


async def test_a_lost_reply_leaves_what_was_done(fake: FakeAsterisk, client: AriClient) -> None:
    fake.phone("8001", no_answer())
    fake.faults.lose_reply(r"POST /channels/leg")
    with pytest.raises(Unreachable):
        await client.channels.originateWithId(channelId="leg", endpoint="PJSIP/8001", app=APP)
    with pytest.raises(Conflict):
        await client.channels.originateWithId(channelId="leg", endpoint="PJSIP/8001", app=APP)
    assert fake.dialled == ["PJSIP/8001"]


async def test_a_stalled_asterisk_does_later_what_nobody_waits_for_any_more(
    fake: FakeAsterisk, client: AriClient
) -> None:
    caller = await claimed(fake, client)
    fake.faults.stall()
    with pytest.raises(Unreachable):
        await client.channels.setChannelVar(channelId=caller.id, variable="MS_STATE", value="late")
    assert "MS_STATE" not in caller.variables
    fake.faults.resume()
    await asyncio.sleep(0.1)
    assert caller.variables["MS_STATE"] == "late"


async def test_one_sees_when_a_caller_would_not_be_recorded_or_not_hear(
    fake: FakeAsterisk, client: AriClient
) -> None:
    caller = await claimed(fake, client)
    assert not caller.carries_sound
    await client.channels.startSilence(channelId=caller.id)
    assert caller.carries_sound
    await client.channels.play(channelId=caller.id, media="sound:notice")
    await asyncio.sleep(3.0)
    assert not caller.carries_sound  # the playback ended the silence
    await client.channels.startSilence(channelId=caller.id)
    await client.bridges.createWithId(bridgeId="b", type="mixing")
    await client.bridges.addChannel(bridgeId="b", channel=caller.id)
    assert caller.is_deaf
    await client.channels.stopSilence(channelId=caller.id)
    assert not caller.is_deaf


async def test_a_recording_lasts_as_long_as_one_speaks(fake: FakeAsterisk, client: AriClient) -> None:
    caller = await claimed(fake, client)
    await client.channels.record(channelId=caller.id, name="clip", format="wav", maxSilenceSeconds=2)
    await asyncio.sleep(1.0)
    caller.speak(4.0)
    await asyncio.sleep(3.0)
    caller.speak(4.0)
    finished = [event async for event in _first(client, models.RecordingFinished)]
    assert [(one.recording.duration, one.recording.talking_duration) for one in finished] == [(10, 8)]


async def test_a_seats_phone_is_busy_while_it_rings_and_gone_when_unregistered(
    fake: FakeAsterisk, client: AriClient
) -> None:
    fake.phone("8001", no_answer())
    await client.applications.subscribe(applicationName=APP, eventSource="deviceState:PJSIP/8001")
    await client.channels.originateWithId(channelId="leg", endpoint="PJSIP/8001", app=APP, timeout=5)
    await asyncio.sleep(6.0)
    fake.unregister("8001")
    states: list[str] = []
    async for event in client.events():
        if isinstance(event, models.DeviceStateChanged):
            states.append(event.device_state.state)
        if len(states) == 3:
            break
    assert states == ["BUSY", "NOT_INUSE", "UNAVAILABLE"]
    with pytest.raises(ServerFailed):
        await client.channels.originateWithId(channelId="leg2", endpoint="PJSIP/8001", app=APP)


async def test_an_error_in_a_script_does_not_pass_unseen() -> None:
    fake = FakeAsterisk()

    async def citizen(channel: FakeChannel) -> None:
        raise KeyError("the script itself is wrong")

    fake.phone("13900000002", answers(0.1).then(citizen))
    async with AriClient.over(fake.transport(), APP) as client:
        await client.channels.originate(endpoint="PJSIP/13900000002@trunk", app=APP)
        await asyncio.sleep(1.0)
    with pytest.raises(KeyError):
        await fake.close()
