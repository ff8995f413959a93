"""How Asterisk behaves, as far as the line relies on it: each test holds for the real one and for the fake.

`world` is a fixture of the module that takes these tests over (tests/unit/test_contract_fake.py,
tests/line/test_contract_asterisk.py).
"""

from __future__ import annotations

import asyncio

import pytest

from telephony.ari._generated import models
from telephony.ari.errors import BadRequest, Conflict, NotFound, ServerFailed, Unprocessable
from telephony.ari.events import LinkLost, LinkUp
from tests.contract.world import APP, World


async def bridge(world: World) -> str:
    made = await world.client.bridges.createWithId(bridgeId=world.new_id(), type="mixing")
    return made.id


# Claiming


async def test_a_claim_brings_the_channel_into_stasis_with_its_arguments(world: World) -> None:
    await world.call_in()
    broadcast = await world.event(models.CallBroadcast)
    await world.client.events.claimChannel(channelId=broadcast.channel.id, application=APP)
    start = await world.event(models.StasisStart, broadcast.channel.id)
    assert start.args == ["incoming", "110"]
    assert start.channel.caller.number == "13900000001"
    assert start.channel.state == "Up"
    assert (start.channel.channelvars or {})["MS_REC"].endswith(f"/{broadcast.channel.id}.raw")


async def test_a_second_claim_is_a_conflict(world: World) -> None:
    await world.call_in()
    channel = (await world.event(models.CallBroadcast)).channel.id
    await world.client.events.claimChannel(channelId=channel, application=APP)
    with pytest.raises(Conflict):
        await world.client.events.claimChannel(channelId=channel, application=APP)


async def test_a_claim_after_the_broadcast_finds_nothing(world: World) -> None:
    await world.call_in()
    channel = (await world.event(models.CallBroadcast)).channel.id
    await asyncio.sleep(1.0)
    with pytest.raises(NotFound):
        await world.client.events.claimChannel(channelId=channel, application=APP)


async def test_an_unclaimed_channel_is_not_ours_to_command(world: World) -> None:
    await world.call_in()
    channel = (await world.event(models.CallBroadcast)).channel.id
    with pytest.raises(Conflict, match="not in Stasis"):
        await world.client.channels.play(channelId=channel, media=world.sound)
    with pytest.raises(Conflict, match="not in Stasis"):
        await world.client.channels.setChannelVar(channelId=channel, variable="MS_STATE", value="queue")


async def test_a_claim_of_an_unknown_channel_finds_nothing(world: World) -> None:
    with pytest.raises(NotFound):
        await world.client.events.claimChannel(channelId="nobody", application=APP)


async def test_of_two_lines_one_wins_the_channel_and_the_other_is_told_so(world: World) -> None:
    async with world.another_client("minsheng-standby") as other:
        heard = other.events()
        assert isinstance(await anext(heard), LinkUp)
        await world.call_in()
        channel = (await world.event(models.CallBroadcast)).channel.id
        broadcast = await anext(heard)
        assert isinstance(broadcast, models.CallBroadcast) and broadcast.channel.id == channel
        await other.events.claimChannel(channelId=channel, application="minsheng-standby")
        with pytest.raises(Conflict):
            await world.client.events.claimChannel(channelId=channel, application=APP)
        assert isinstance(await anext(heard), models.StasisStart)
        assert world.all_told(models.StasisStart, channel) == []
        await other.channels.hangup(channelId=channel)


async def test_a_claim_for_an_application_that_is_away_sends_the_caller_to_the_fallback(world: World) -> None:
    await world.call_in()
    channel = (await world.event(models.CallBroadcast)).channel.id
    await world.client.events.claimChannel(channelId=channel, application="minsheng-away")
    await asyncio.sleep(0.3)
    shown = await world.client.channels.get(channelId=channel)
    assert shown.dialplan.context == "ms-fallback"


async def test_who_hangs_up_before_the_claim_cannot_be_claimed(world: World) -> None:
    caller = await world.call_in()
    channel = (await world.event(models.CallBroadcast)).channel.id
    await asyncio.sleep(0.1)  # its answer has arrived
    caller.hang_up()
    await asyncio.sleep(0.1)
    with pytest.raises(NotFound):
        await world.client.events.claimChannel(channelId=channel, application=APP)
    assert world.all_told(models.StasisStart, channel) == []


# Who is connected


async def test_subscriptions_outlive_the_connection_and_the_newest_connection_wins(world: World) -> None:
    await world.client.applications.subscribe(applicationName=APP, eventSource=f"endpoint:{world.trunk}")
    async with world.another_client(APP) as other:
        heard = other.events()
        assert isinstance(await anext(heard), LinkUp)
        await world.event(models.ApplicationReplaced)
        assert (await world.event(LinkLost)).replaced
        shown = await other.applications.get(applicationName=APP)
        assert shown.endpoint_ids == [world.trunk]
        leg = await world.ring("486")
        while not isinstance(event := await anext(heard), models.ChannelDestroyed):
            pass
        assert event.channel.id == leg


# Ids


async def test_an_id_in_use_is_a_conflict_and_free_again_after_its_end(world: World) -> None:
    leg = await world.ring("ring", timeout=10)
    with pytest.raises(Conflict, match="already exists"):
        await world.ring("ring", leg=leg)
    await world.client.channels.hangup(channelId=leg)
    await world.event(models.ChannelDestroyed, leg)
    assert await world.ring("486", leg=leg) == leg
    await world.event(models.ChannelDestroyed, leg)


async def test_the_id_of_a_bridge_in_use_is_a_conflict(world: World) -> None:
    made = await bridge(world)
    with pytest.raises(Conflict, match="already exists"):
        await world.client.bridges.createWithId(bridgeId=made, type="mixing")


# Ringing somebody, by context, heard of through the subscription to the endpoint


@pytest.mark.parametrize(
    ("script", "cause", "tech_cause"),
    [
        ("486", 17, 486),
        ("480", 19, 480),
        ("503", 34, 503),
        ("603", 21, 603),
        ("404", 1, 404),
        ("ring", 19, 480),
    ],
)
async def test_a_leg_that_is_not_answered_ends_with_its_cause(
    world: World, script: str, cause: int, tech_cause: int
) -> None:
    leg = await world.ring(script, timeout=1)
    ended = await world.event(models.ChannelDestroyed, leg)
    assert (ended.cause, ended.tech_cause) == (cause, tech_cause)
    rang = [change.channel.state for change in world.all_told(models.ChannelStateChange, leg)]
    assert rang == (["Ringing"] if script == "ring" else [])


async def test_a_leg_taken_back_while_it_rings_ends_with_a_normal_cause(world: World) -> None:
    leg = await world.ring("ring")
    await world.event(models.Dial, leg, dialstatus="RINGING")
    await world.client.channels.hangup(channelId=leg, reason="normal")
    await world.event(models.Dial, leg, dialstatus="NOANSWER")
    ended = await world.event(models.ChannelDestroyed, leg)
    assert (ended.cause, ended.tech_cause) == (16, None)


async def test_an_endpoint_that_nobody_is_registered_at_fails_at_once(world: World) -> None:
    with pytest.raises(ServerFailed, match="Allocation failed"):
        await world.client.channels.originate(
            endpoint="PJSIP/op1", context="ms-seat", extension="s", channelId=world.new_id()
        )


async def test_an_originate_without_an_aim_is_a_bad_request(world: World) -> None:
    with pytest.raises(BadRequest):
        await world.client.channels.originate(endpoint=world.callee("ring"))


async def test_nothing_can_be_done_with_a_leg_before_its_stasis_start(world: World) -> None:
    leg, made = await world.ring("ring"), await bridge(world)
    with pytest.raises(Unprocessable, match="not in Stasis"):
        await world.client.bridges.addChannel(bridgeId=made, channel=leg)
    with pytest.raises(Conflict, match="not in Stasis"):
        await world.client.channels.answer(channelId=leg)
    await world.client.channels.hangup(channelId=leg)


async def test_an_answered_leg_starts_with_the_variables_it_was_given(world: World) -> None:
    leg = await world.ring("answer")
    start = await world.event(models.StasisStart, leg)
    assert start.args == ["seat"]
    shown = start.channel.channelvars or {}
    assert (shown["MS_APP"], shown["MS_CALL"], shown["MS_STATE"]) == (APP, "call-1", "")


async def test_a_callee_who_hangs_up_ends_the_leg(world: World) -> None:
    leg = await world.ring("answer.bye1")
    await world.event(models.StasisStart, leg)
    await world.event(models.StasisEnd, leg)
    await world.event(models.ChannelDestroyed, leg)


# Playing and recording


async def test_what_is_played_starts_and_finishes(world: World) -> None:
    channel, _ = await world.answered_caller()
    playback = world.new_id()
    asked = await world.client.channels.playWithId(channelId=channel, playbackId=playback, media=world.sound)
    assert asked.state == "queued"
    await world.event(models.PlaybackStarted, playback)
    assert (await world.event(models.PlaybackFinished, playback)).playback.state == "done"
    with pytest.raises(NotFound):
        await world.client.playbacks.stop(playbackId=playback)


async def test_a_stopped_playback_is_done_at_once(world: World) -> None:
    channel, _ = await world.answered_caller()
    playback = world.new_id()
    await world.client.channels.playWithId(channelId=channel, playbackId=playback, media="tone:ring")
    await world.event(models.PlaybackStarted, playback)
    await world.client.playbacks.stop(playbackId=playback)
    assert (await world.event(models.PlaybackFinished, playback)).playback.state == "done"


async def test_a_missing_sound_fails(world: World) -> None:
    channel, _ = await world.answered_caller()
    playback = world.new_id()
    await world.client.channels.playWithId(
        channelId=channel, playbackId=playback, media="sound:there-is-no-such-sound"
    )
    assert (await world.event(models.PlaybackFinished, playback)).playback.state == "failed"


async def test_a_medium_of_an_unknown_kind_is_started_and_never_finished(world: World) -> None:
    channel, _ = await world.answered_caller()
    playback = world.new_id()
    await world.client.channels.playWithId(channelId=channel, playbackId=playback, media="nonsense:x")
    await world.event(models.PlaybackStarted, playback)
    await asyncio.sleep(0.5)
    assert world.all_told(models.PlaybackFinished, playback) == []


async def test_a_playback_fails_when_its_channel_ends(world: World) -> None:
    channel, caller = await world.answered_caller()
    playback = world.new_id()
    await world.client.channels.playWithId(channelId=channel, playbackId=playback, media="tone:ring")
    await world.event(models.PlaybackStarted, playback)
    caller.hang_up()
    assert (await world.event(models.PlaybackFinished, playback)).playback.state == "failed"
    await world.event(models.StasisEnd, channel)


async def test_a_recording_waits_for_the_playback_before_it(world: World) -> None:
    channel, _ = await world.answered_caller()
    playback, name = world.new_id(), world.new_id()
    await world.client.channels.playWithId(channelId=channel, playbackId=playback, media=world.sound)
    await world.client.channels.record(channelId=channel, name=name, format="wav", maxDurationSeconds=1)
    await world.event(models.PlaybackFinished, playback)
    await world.event(models.RecordingStarted, name)
    finished = await world.event(models.RecordingFinished, name)
    assert finished.recording.state == "done"
    assert finished.recording.duration in (0, 1)  # whole seconds, cut off: 0.98 s is 0


async def test_a_recording_ends_with_silence(world: World) -> None:
    channel, _ = await world.answered_caller()
    name = world.new_id()
    await world.client.channels.record(channelId=channel, name=name, format="wav", maxSilenceSeconds=1)
    assert (await world.event(models.RecordingFinished, name)).recording.state == "done"


async def test_a_recording_ends_with_its_key_and_no_other(world: World) -> None:
    channel, caller = await world.answered_caller()
    name = world.new_id()
    await world.client.channels.record(channelId=channel, name=name, format="wav", terminateOn="#")
    await world.event(models.RecordingStarted, name)
    caller.press("5")
    await world.event(models.ChannelDtmfReceived, channel, digit="5")
    assert world.all_told(models.RecordingFinished, name) == []
    caller.press("#")
    await world.event(models.RecordingFinished, name)


async def test_a_recordings_name_is_used_once(world: World) -> None:
    channel, _ = await world.answered_caller()
    name = world.new_id()
    await world.client.channels.record(channelId=channel, name=name, format="wav")
    await world.event(models.RecordingStarted, name)
    with pytest.raises(Conflict):
        await world.client.channels.record(channelId=channel, name=name, format="wav")
    await world.client.recordings.stop(recordingName=name)
    await world.event(models.RecordingFinished, name)
    with pytest.raises(Conflict):
        await world.client.channels.record(channelId=channel, name=name, format="wav")


async def test_a_recording_channel_enters_no_bridge_until_it_is_stopped(world: World) -> None:
    (channel, _), made, name = await world.answered_caller(), await bridge(world), world.new_id()
    await world.client.channels.record(channelId=channel, name=name, format="wav")
    await world.event(models.RecordingStarted, name)
    with pytest.raises(Conflict, match="recording"):
        await world.client.bridges.addChannel(bridgeId=made, channel=channel)
    await world.client.recordings.stop(recordingName=name)
    await world.event(models.RecordingFinished, name)
    await world.client.bridges.addChannel(bridgeId=made, channel=channel)
    await world.event(models.ChannelEnteredBridge, channel)


async def test_a_channel_in_a_bridge_is_not_recorded(world: World) -> None:
    (channel, _), made, name = await world.answered_caller(), await bridge(world), world.new_id()
    await world.client.bridges.addChannel(bridgeId=made, channel=channel)
    await world.client.channels.record(channelId=channel, name=name, format="wav")
    assert (await world.event(models.RecordingFailed, name)).recording.state == "failed"


# Bridges


async def test_two_channels_are_joined_and_parted(world: World) -> None:
    (channel, _), leg, made = await world.answered_caller(), await world.answered_leg(), await bridge(world)
    await world.client.bridges.addChannel(bridgeId=made, channel=[channel, leg])
    await world.event(models.ChannelEnteredBridge, channel)
    await world.event(models.ChannelEnteredBridge, leg)
    assert set((await world.client.bridges.get(bridgeId=made)).channels) == {channel, leg}
    await world.client.bridges.removeChannel(bridgeId=made, channel=leg)
    await world.event(models.ChannelLeftBridge, leg)
    with pytest.raises(Unprocessable):
        await world.client.bridges.removeChannel(bridgeId=made, channel=leg)


async def test_a_bridge_knows_neither_strangers_nor_is_known_after_its_end(world: World) -> None:
    (channel, _), made = await world.answered_caller(), await bridge(world)
    with pytest.raises(BadRequest, match="Channel not found"):
        await world.client.bridges.addChannel(bridgeId=made, channel="nobody")
    await world.client.bridges.addChannel(bridgeId=made, channel=channel)
    await world.client.bridges.destroy(bridgeId=made)
    await world.event(models.ChannelLeftBridge, channel)
    with pytest.raises((NotFound, Conflict)):  # for a moment Asterisk still has it, but not for us
        await world.client.bridges.destroy(bridgeId=made)
    await world.client.channels.startSilence(channelId=channel)  # still in Stasis


async def test_the_end_of_a_bridge_is_told_to_who_subscribed_to_it(world: World) -> None:
    made = await bridge(world)
    await world.client.applications.subscribe(applicationName=APP, eventSource=f"bridge:{made}")
    await world.client.bridges.destroy(bridgeId=made)
    await world.event(models.BridgeDestroyed, made)


async def test_a_callers_end_leaves_the_other_alone_in_the_bridge(world: World) -> None:
    (channel, caller), leg, made = (
        await world.answered_caller(),
        await world.answered_leg(),
        await bridge(world),
    )
    await world.client.bridges.addChannel(bridgeId=made, channel=[channel, leg])
    caller.hang_up()
    await world.event(models.ChannelLeftBridge, channel)
    await world.event(models.StasisEnd, channel)
    assert (await world.client.bridges.get(bridgeId=made)).channels == [leg]


# Keys


async def test_a_key_is_told_once_though_channel_and_endpoint_are_both_subscribed(world: World) -> None:
    leg = await world.ring("answer.keys12")
    await world.event(models.StasisStart, leg)
    await world.event(models.ChannelDtmfReceived, leg, digit="1")
    await world.event(models.ChannelDtmfReceived, leg, digit="2")
    await asyncio.sleep(0.2)
    assert [key.digit for key in world.all_told(models.ChannelDtmfReceived, leg)] == ["1", "2"]


async def test_a_key_is_told_in_a_bridge_too(world: World) -> None:
    (channel, caller), leg, made = (
        await world.answered_caller(),
        await world.answered_leg(),
        await bridge(world),
    )
    await world.client.bridges.addChannel(bridgeId=made, channel=[channel, leg], absorbDTMF=True)
    await world.event(models.ChannelEnteredBridge, leg)
    caller.press("9")
    await world.event(models.ChannelDtmfReceived, channel, digit="9")


# Variables


async def test_variables_stand_in_every_later_snapshot(world: World) -> None:
    channel, _ = await world.answered_caller()
    await world.client.channels.setChannelVars(
        channelId=channel, variables={"MS_STATE": "queue", "FOO": "bar"}
    )
    await world.event(models.ChannelVarset, channel, variable="MS_STATE", value="queue")
    shown = (await world.client.channels.get(channelId=channel)).channelvars or {}
    assert shown["MS_STATE"] == "queue" and shown["MS_DONE"] == "" and "FOO" not in shown
    assert (await world.client.channels.getChannelVar(channelId=channel, variable="FOO")).value == "bar"
    with pytest.raises(NotFound, match="variable was not found"):
        await world.client.channels.getChannelVar(channelId=channel, variable="NEVER_SET")


async def test_variables_given_in_a_list_come_back_together(world: World) -> None:
    channel, _ = await world.answered_caller()
    await world.client.channels.setChannelVars(
        channelId=channel, variables={"MS_STATE": "queue", "FOO": "bar"}
    )
    got = await world.client.channels.getChannelVars(channelId=channel, variables=["MS_STATE", "FOO"])
    assert got.variables == {"MS_STATE": "queue", "FOO": "bar"}
    with pytest.raises(NotFound):
        await world.client.channels.getChannelVars(channelId=channel, variables=["MS_STATE", "NEVER_SET"])


# Ends, and other ways out of Stasis


async def test_an_ended_channel_is_not_found(world: World) -> None:
    channel, caller = await world.answered_caller()
    caller.hang_up()
    await world.event(models.StasisEnd, channel)
    await asyncio.sleep(0.2)
    for request in (
        world.client.channels.get(channelId=channel),
        world.client.channels.answer(channelId=channel),
        world.client.channels.play(channelId=channel, media=world.sound),
        world.client.channels.hangup(channelId=channel),
    ):
        with pytest.raises(NotFound, match="Channel not found"):
            await request


async def test_the_end_of_a_claimed_channel_is_told_by_stasis_end_alone(world: World) -> None:
    channel, _ = await world.answered_caller()
    await world.client.channels.hangup(channelId=channel, reason="normal")
    await world.event(models.StasisEnd, channel)
    await asyncio.sleep(0.3)
    assert world.all_told(models.ChannelDestroyed, channel) == []


async def test_a_subscribed_endpoint_tells_the_cause_of_a_claimed_channels_end(world: World) -> None:
    await world.client.applications.subscribe(applicationName=APP, eventSource=f"endpoint:{world.trunk}")
    channel, _ = await world.answered_caller()
    await world.client.channels.hangup(channelId=channel, reason="normal")
    await world.event(models.StasisEnd, channel)
    assert (await world.event(models.ChannelDestroyed, channel)).cause == 16


async def test_continue_takes_the_channel_out_of_bridge_and_stasis(world: World) -> None:
    (channel, _), made = await world.answered_caller(), await bridge(world)
    await world.client.bridges.addChannel(bridgeId=made, channel=channel)
    await world.client.channels.continueInDialplan(
        channelId=channel, context="ms-fallback", extension="s", priority=1
    )
    await world.event(models.ChannelLeftBridge, channel)
    await world.event(models.StasisEnd, channel)
    with pytest.raises(Conflict, match="not in Stasis"):
        await world.client.channels.play(channelId=channel, media=world.sound)
    assert (await world.client.channels.get(channelId=channel)).dialplan.context == "ms-fallback"


async def test_the_fallback_asks_the_line_again(world: World) -> None:
    channel, _ = await world.answered_caller()
    await world.client.channels.continueInDialplan(
        channelId=channel, context="ms-fallback", extension="s", priority=1
    )
    broadcast = await world.event(models.CallBroadcast, channel, within=15.0)
    await world.client.events.claimChannel(channelId=broadcast.channel.id, application=APP)
    assert (await world.event(models.StasisStart, channel)).args == ["incoming", "110"]


async def test_move_starts_anew_and_leaves_the_channel_in_its_bridge(world: World) -> None:
    (channel, _), made = await world.answered_caller(), await bridge(world)
    await world.client.bridges.addChannel(bridgeId=made, channel=channel)
    await world.client.channels.move(channelId=channel, app=APP, appArgs="adopted,1")
    await world.event(models.StasisEnd, channel)
    assert (await world.event(models.StasisStart, channel)).args == ["adopted", "1"]
    assert (await world.client.bridges.get(bridgeId=made)).channels == [channel]


async def test_a_move_to_nobody_fails_and_changes_nothing(world: World) -> None:
    channel, _ = await world.answered_caller()
    await world.client.channels.move(channelId=channel, app="nobody", appArgs="x")
    assert (await world.event(models.ApplicationMoveFailed, channel)).destination == "nobody"
    await world.client.channels.startSilence(channelId=channel)


async def test_a_source_that_does_not_exist_is_not_subscribed_to(world: World) -> None:
    with pytest.raises(Unprocessable):
        await world.client.applications.subscribe(applicationName=APP, eventSource="endpoint:PJSIP/nobody")
