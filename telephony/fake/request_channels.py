"""Requests on channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from telephony.ari._generated import models
from telephony.fake import callees
from telephony.fake.channels import FakeChannel, Goto
from telephony.fake.media import Playback, Recording
from telephony.fake.refusal import Refusal

if TYPE_CHECKING:
    from telephony.fake.asterisk import FakeAsterisk
    from telephony.fake.bridges import FakeBridge

REASONS = {
    "normal": 16,
    "busy": 17,
    "congestion": 34,
    "no_answer": 19,
    "answered_elsewhere": 26,
    "rejected": 21,
}
FORMATS = ("wav", "sln", "alaw", "ulaw", "gsm", "raw")


def alive(world: FakeAsterisk, id: str) -> FakeChannel:
    """The channel. Refusal 404 once it has ended."""
    if id not in world.channels:
        raise Refusal(404, "Channel not found")
    return world.channels[id]


def ours(world: FakeAsterisk, id: str) -> FakeChannel:
    """The channel, in some Stasis application. Refusal 409 while it is not."""
    channel = alive(world, id)
    channel.needs_stasis()
    return channel


def list_all(world: FakeAsterisk) -> list[models.Channel]:
    return [channel.snapshot() for channel in world.channels.values()]


def get(world: FakeAsterisk, id: str) -> models.Channel:
    return alive(world, id).snapshot()


def originate(
    world: FakeAsterisk,
    *,
    endpoint: str = "",
    app: str = "",
    appArgs: str = "",
    context: str = "",
    extension: str = "",
    callerId: str = "",
    timeout: str = "30",
    channelId: str = "",
    variables: dict[str, str] | None = None,
    **_: str,
) -> models.Channel:
    technology, _slash, dialled = endpoint.partition("/")
    if not dialled:
        raise Refusal(400, "Invalid endpoint specified")
    if not app and not extension:
        raise Refusal(400, "Application or extension must be specified")
    if channelId in world.channels:
        raise Refusal(409, "Channel with given unique ID already exists")
    name, callee = world.callee_of(dialled)
    channel = FakeChannel(
        world,
        channelId or f"{world.node}-{world.next_number()}",
        name,
        state="Down",
        context=context or "default",
        exten=extension or "s",
        variables=variables,
    )
    if app:
        channel.start_in = (app, tuple(appArgs.split(",")) if appArgs else ())
        if (application := world.applications.get(app)) is not None:
            application.channels[channel.id] = 1
            channel.kept_subscription = application
    seconds = float(timeout)
    channel.dialled = dialled
    world.originate(channel, dialled, callee, seconds if seconds > 0 else 86400.0)
    return channel.snapshot()


def originate_with_id(world: FakeAsterisk, id: str, **given: Any) -> models.Channel:
    return originate(world, channelId=id, **given)


def hang_up(world: FakeAsterisk, id: str, reason: str = "normal", reason_code: str = "") -> None:
    channel = alive(world, id)
    if reason not in REASONS:
        raise Refusal(400, "Invalid Reason Specified")
    cause = int(reason_code) if reason_code else REASONS[reason]
    if channel.dialled and channel.state != "Up":
        callees.cancel(channel, channel.dialled)
    else:
        channel.end(cause, 486 if cause == 17 else None)


def go_on(world: FakeAsterisk, id: str, context: str = "", extension: str = "s", **_: str) -> None:
    channel = ours(world, id)
    channel.go_on(Goto(context, extension) if context else None)


def move(world: FakeAsterisk, id: str, *, app: str, appArgs: str = "") -> None:
    ours(world, id).move(app, tuple(appArgs.split(",")) if appArgs else ())


def answer(world: FakeAsterisk, id: str) -> None:
    ours(world, id).answer()


def silence(world: FakeAsterisk, id: str) -> None:
    channel = ours(world, id)
    channel.silence, channel.music = True, False


def no_silence(world: FakeAsterisk, id: str) -> None:
    ours(world, id).silence = False


def music(world: FakeAsterisk, id: str, mohClass: str = "") -> None:
    channel = ours(world, id)
    channel.music, channel.silence = True, False


def no_music(world: FakeAsterisk, id: str) -> None:
    ours(world, id).music = False


def ring(world: FakeAsterisk, id: str) -> None:
    ours(world, id).ringback = True


def no_ring(world: FakeAsterisk, id: str) -> None:
    ours(world, id).ringback = False


def nothing_to_see(world: FakeAsterisk, id: str, **_: str) -> None:
    """Mute, hold, progress: accepted, without a trace in the fake."""
    ours(world, id)


def send_keys(world: FakeAsterisk, id: str, *, dtmf: str = "", **_: str) -> None:
    channel = ours(world, id)
    if not dtmf:
        raise Refusal(400, "DTMF is required")
    channel.keys_sent += dtmf


def play(
    world: FakeAsterisk, id: str, *, media: str, playbackId: str = "", lang: str = "en", **_: str
) -> models.Playback:
    channel = ours(world, id)
    channel.silence = channel.music = False
    return queue_playback(channel, media, playbackId, lang)


def play_with_id(world: FakeAsterisk, id: str, playback: str, **given: str) -> models.Playback:
    return play(world, id, playbackId=playback, **given)


def queue_playback(target: FakeChannel | FakeBridge, media: str, id: str, language: str) -> models.Playback:
    """Put a playback into the queue; a used id is not refused (measured)."""
    world = target.world
    playback = Playback(target, id or f"playback-{world.next_number()}", media.split(","), language)
    world.playbacks[playback.id] = playback
    described = playback.described()
    for channel in [target] if isinstance(target, FakeChannel) else target.channels:
        channel.played.append(playback)
    target.media.add(playback)
    return described


def record(
    world: FakeAsterisk,
    id: str,
    *,
    name: str,
    format: str,
    maxDurationSeconds: str = "0",
    maxSilenceSeconds: str = "0",
    ifExists: str = "fail",
    terminateOn: str = "none",
    **_: str,
) -> models.LiveRecording:
    channel = ours(world, id)
    recording = make_recording(
        channel, name, format, maxDurationSeconds, maxSilenceSeconds, ifExists, terminateOn
    )
    described = recording.described()
    if channel.bridge is not None:
        recording.fail("Cannot record channel while in bridge")
        return described
    channel.answer()  # measured: a channel not yet answered is answered by it
    channel.silence = channel.music = False
    channel.media.add(recording)
    return described


def make_recording(
    target: FakeChannel | FakeBridge,
    name: str,
    format: str,
    longest: str,
    silence: str,
    exists: str,
    keys: str,
) -> Recording:
    """A recording that may begin. Refusals: 422 for the format, 409 for a name in use."""
    world = target.world
    if format not in FORMATS:
        raise Refusal(422, "specified format is unknown on this system")
    if name in world.recordings or (name in world.stored and exists == "fail"):
        raise Refusal(409, f"Recording '{name}' already exists and can not be overwritten")
    recording = Recording(target, name, format, float(longest), float(silence), keys)
    world.recordings[name] = recording
    return recording


def get_variable(world: FakeAsterisk, id: str, *, variable: str) -> models.Variable:
    values = alive(world, id).variables
    if variable not in values:
        raise Refusal(404, "Provided variable was not found")
    return models.Variable(value=values[variable])


def set_variable(world: FakeAsterisk, id: str, *, variable: str, value: str = "", **_: str) -> None:
    ours(world, id).set_variable(variable, value)


def get_variables(world: FakeAsterisk, id: str, *, variables: str) -> models.Variables:
    values = alive(world, id).variables
    names = variables.split(",")
    if any(name not in values for name in names):
        raise Refusal(404, "Provided variable was not found")
    return models.Variables(variables={name: values[name] for name in names})


def set_variables(world: FakeAsterisk, id: str, *, variables: dict[str, str]) -> None:
    channel = ours(world, id)
    for name, value in variables.items():
        channel.set_variable(name, value)


def claim(world: FakeAsterisk, *, channelId: str, application: str) -> None:
    channel = world.channels.get(channelId)
    broadcast = channel.broadcast if channel else None
    if broadcast is None:
        raise Refusal(404, "Channel not found or not in broadcast state")
    if broadcast.winner is not None:
        raise Refusal(409, "Channel has already been claimed by another application")
    broadcast.winner = application
    broadcast.claimed.set()


TABLE: dict[tuple[str, str], Callable[..., object]] = {
    ("GET", "/channels"): list_all,
    ("POST", "/channels"): originate,
    ("GET", "/channels/{id}"): get,
    ("POST", "/channels/{id}"): originate_with_id,
    ("DELETE", "/channels/{id}"): hang_up,
    ("POST", "/channels/{id}/continue"): go_on,
    ("POST", "/channels/{id}/move"): move,
    ("POST", "/channels/{id}/answer"): answer,
    ("POST", "/channels/{id}/silence"): silence,
    ("DELETE", "/channels/{id}/silence"): no_silence,
    ("POST", "/channels/{id}/moh"): music,
    ("DELETE", "/channels/{id}/moh"): no_music,
    ("POST", "/channels/{id}/ring"): ring,
    ("DELETE", "/channels/{id}/ring"): no_ring,
    ("POST", "/channels/{id}/mute"): nothing_to_see,
    ("DELETE", "/channels/{id}/mute"): nothing_to_see,
    ("POST", "/channels/{id}/progress"): nothing_to_see,
    ("POST", "/channels/{id}/dtmf"): send_keys,
    ("POST", "/channels/{id}/play"): play,
    ("POST", "/channels/{id}/play/{playback}"): play_with_id,
    ("POST", "/channels/{id}/record"): record,
    ("GET", "/channels/{id}/variable"): get_variable,
    ("POST", "/channels/{id}/variable"): set_variable,
    ("GET", "/channels/{id}/variables"): get_variables,
    ("POST", "/channels/{id}/variables"): set_variables,
    ("POST", "/events/claim"): claim,
}
