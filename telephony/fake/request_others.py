"""Requests on playbacks, recordings, applications, endpoints and Asterisk itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from telephony.ari._generated import models
from telephony.fake.applications import Application
from telephony.fake.media import Playback, Recording
from telephony.fake.refusal import Refusal

if TYPE_CHECKING:
    from telephony.fake.asterisk import FakeAsterisk


def ping(world: FakeAsterisk) -> models.AsteriskPing:
    return models.AsteriskPing(asterisk_id="fake", ping="pong", timestamp=world.utc().isoformat())


def get_global(world: FakeAsterisk, *, variable: str) -> models.Variable:
    return models.Variable(value=world.global_variables.get(variable, ""))


def set_global(world: FakeAsterisk, *, variable: str, value: str = "") -> None:
    world.global_variables[variable] = value


def playing(world: FakeAsterisk, id: str) -> Playback:
    if id not in world.playbacks:
        raise Refusal(404, "Playback not found")
    return world.playbacks[id]


def get_playback(world: FakeAsterisk, id: str) -> models.Playback:
    return playing(world, id).described()


def stop_playback(world: FakeAsterisk, id: str) -> None:
    playing(world, id).stop()


def live(world: FakeAsterisk, name: str) -> Recording:
    if name not in world.recordings:
        raise Refusal(404, "Recording not found")
    return world.recordings[name]


def get_live(world: FakeAsterisk, name: str) -> models.LiveRecording:
    return live(world, name).described()


def stop_recording(world: FakeAsterisk, name: str) -> None:
    live(world, name).stop()


def cancel_recording(world: FakeAsterisk, name: str) -> None:
    recording = live(world, name)
    recording.keep = False
    recording.stop()


def list_stored(world: FakeAsterisk) -> list[models.StoredRecording]:
    return [models.StoredRecording(name=name, format=format) for name, format in world.stored.items()]


def get_stored(world: FakeAsterisk, name: str) -> models.StoredRecording:
    if name not in world.stored:
        raise Refusal(404, "Recording not found")
    return models.StoredRecording(name=name, format=world.stored[name])


def delete_stored(world: FakeAsterisk, name: str) -> None:
    get_stored(world, name)
    del world.stored[name]


def known(world: FakeAsterisk, name: str) -> Application:
    if name not in world.applications:
        raise Refusal(404, "Application not found")
    return world.applications[name]


def list_applications(world: FakeAsterisk) -> list[models.Application]:
    return [application.described() for application in world.applications.values()]


def get_application(world: FakeAsterisk, name: str) -> models.Application:
    return known(world, name).described()


def subscribe(world: FakeAsterisk, name: str, *, eventSource: str) -> models.Application:
    application = known(world, name)
    for source in eventSource.split(","):
        kind, _, id = source.partition(":")
        match kind:
            case "channel" if id in world.channels:
                application.channels[id] = 1
            case "bridge" if id in world.bridges:
                application.follow_bridge(id, 1)
            case "endpoint" if world.knows_endpoint(id):
                application.endpoints.add(id)
            case "deviceState":
                application.devices.add(id)
            case "channel" | "bridge" | "endpoint":
                raise Refusal(422, "Event source does not exist")
            case _:
                raise Refusal(400, "Invalid event source URI scheme")
    return application.described()


def unsubscribe(world: FakeAsterisk, name: str, *, eventSource: str) -> models.Application:
    application = known(world, name)
    for source in eventSource.split(","):
        kind, _, id = source.partition(":")
        match kind:
            case "channel":
                application.channels.pop(id, None)
            case "bridge":
                application.bridges.pop(id, None)
            case "endpoint":
                application.endpoints.discard(id)
            case "deviceState":
                application.devices.discard(id)
            case _:
                raise Refusal(400, "Invalid event source URI scheme")
    return application.described()


def get_endpoint(world: FakeAsterisk, technology: str, resource: str) -> models.Endpoint:
    return world.endpoint_state(f"{technology}/{resource}")


def list_endpoints(world: FakeAsterisk) -> list[models.Endpoint]:
    return [world.endpoint_state(endpoint) for endpoint in world.endpoints()]


def list_device_states(world: FakeAsterisk) -> list[models.DeviceState]:
    return [world.device_state(endpoint) for endpoint in world.endpoints()]


def get_device_state(world: FakeAsterisk, name: str) -> models.DeviceState:
    return world.device_state(name)


TABLE: dict[tuple[str, str], Callable[..., object]] = {
    ("GET", "/asterisk/ping"): ping,
    ("GET", "/asterisk/variable"): get_global,
    ("POST", "/asterisk/variable"): set_global,
    ("GET", "/playbacks/{id}"): get_playback,
    ("DELETE", "/playbacks/{id}"): stop_playback,
    ("GET", "/recordings/live/{name}"): get_live,
    ("POST", "/recordings/live/{name}/stop"): stop_recording,
    ("DELETE", "/recordings/live/{name}"): cancel_recording,
    ("GET", "/recordings/stored"): list_stored,
    ("GET", "/recordings/stored/{name}"): get_stored,
    ("DELETE", "/recordings/stored/{name}"): delete_stored,
    ("GET", "/applications"): list_applications,
    ("GET", "/applications/{name}"): get_application,
    ("POST", "/applications/{name}/subscription"): subscribe,
    ("DELETE", "/applications/{name}/subscription"): unsubscribe,
    ("GET", "/endpoints"): list_endpoints,
    ("GET", "/endpoints/{technology}/{resource}"): get_endpoint,
    ("GET", "/deviceStates"): list_device_states,
    ("GET", "/deviceStates/{name}"): get_device_state,
}
