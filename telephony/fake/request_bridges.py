"""Requests on bridges."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from telephony.ari._generated import models
from telephony.fake.bridges import FakeBridge
from telephony.fake.channels import FakeChannel
from telephony.fake.refusal import Refusal
from telephony.fake.request_channels import make_recording, queue_playback

if TYPE_CHECKING:
    from telephony.fake.asterisk import FakeAsterisk


def there(world: FakeAsterisk, id: str) -> FakeBridge:
    if id not in world.bridges:
        raise Refusal(404, "Bridge not found")
    return world.bridges[id]


def named(world: FakeAsterisk, channels: str) -> list[FakeChannel]:
    """The channels of a comma list. Refusal 400, not 404, for one that is not there (measured)."""
    names = channels.split(",")
    if any(name not in world.channels for name in names):
        raise Refusal(400, "Channel not found")
    return [world.channels[name] for name in names]


def list_all(world: FakeAsterisk) -> list[models.Bridge]:
    return [bridge.snapshot() for bridge in world.bridges.values()]


def get(world: FakeAsterisk, id: str) -> models.Bridge:
    return there(world, id).snapshot()


def create(
    world: FakeAsterisk,
    *,
    type: str = "mixing",
    bridgeId: str = "",
    name: str = "",
    variables: dict[str, str] | None = None,
) -> models.Bridge:
    if bridgeId in world.bridges:
        raise Refusal(409, f"Bridge with id '{bridgeId}' already exists")
    bridge = FakeBridge(world, bridgeId or f"bridge-{world.next_number()}", type.split(",")[0], name)
    bridge.variables.update(variables or {})
    world.bridges[bridge.id] = bridge
    return bridge.snapshot()


def create_with_id(world: FakeAsterisk, id: str, **given: str) -> models.Bridge:
    return create(world, type=given.get("type", "mixing"), bridgeId=id, name=given.get("name", ""))


def destroy(world: FakeAsterisk, id: str) -> None:
    there(world, id).destroy()


def add(world: FakeAsterisk, id: str, *, channel: str, **_: str) -> None:
    bridge = there(world, id)
    channels = named(world, channel)
    for one in channels:
        one.needs_stasis(422)
    for one in channels:
        bridge.add(one)


def remove(world: FakeAsterisk, id: str, *, channel: str) -> None:
    bridge = there(world, id)
    channels = named(world, channel)
    for one in channels:
        one.needs_stasis(422)
    for one in channels:
        bridge.remove(one)


def play(
    world: FakeAsterisk, id: str, *, media: str, playbackId: str = "", lang: str = "en", **_: str
) -> models.Playback:
    return queue_playback(there(world, id), media, playbackId, lang)


def play_with_id(world: FakeAsterisk, id: str, playback: str, **given: str) -> models.Playback:
    return play(world, id, playbackId=playback, **given)


def music(world: FakeAsterisk, id: str, mohClass: str = "") -> None:
    there(world, id).music = True


def no_music(world: FakeAsterisk, id: str) -> None:
    there(world, id).music = False


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
    bridge = there(world, id)
    recording = make_recording(
        bridge, name, format, maxDurationSeconds, maxSilenceSeconds, ifExists, terminateOn
    )
    described = recording.described()
    bridge.media.add(recording)
    return described


TABLE: dict[tuple[str, str], Callable[..., object]] = {
    ("GET", "/bridges"): list_all,
    ("POST", "/bridges"): create,
    ("GET", "/bridges/{id}"): get,
    ("POST", "/bridges/{id}"): create_with_id,
    ("DELETE", "/bridges/{id}"): destroy,
    ("POST", "/bridges/{id}/addChannel"): add,
    ("POST", "/bridges/{id}/removeChannel"): remove,
    ("POST", "/bridges/{id}/play"): play,
    ("POST", "/bridges/{id}/play/{playback}"): play_with_id,
    ("POST", "/bridges/{id}/moh"): music,
    ("DELETE", "/bridges/{id}/moh"): no_music,
    ("POST", "/bridges/{id}/record"): record,
}
