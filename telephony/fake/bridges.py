"""A mixing bridge of the fake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony.ari._generated import models
from telephony.fake.media import Media
from telephony.fake.refusal import Refusal

if TYPE_CHECKING:
    from telephony.fake.asterisk import FakeAsterisk
    from telephony.fake.channels import FakeChannel


class FakeBridge:
    """Channels that hear each other."""

    def __init__(self, world: FakeAsterisk, id: str, kind: str, name: str) -> None:
        self.world, self.id, self.kind, self.name = world, id, kind, name
        self.channels: list[FakeChannel] = []
        self.variables: dict[str, str] = {}
        self.created = world.utc()
        self.media = Media(world)
        self.music = False

    @property
    def uri(self) -> str:
        return f"bridge:{self.id}"

    def speech_ends_at(self) -> float:
        """When the last of its channels falls silent."""
        return max((channel.speech_ends_at() for channel in self.channels), default=float("-inf"))

    def snapshot(self) -> models.Bridge:
        return models.Bridge(
            id=self.id,
            technology="simple_bridge" if len(self.channels) <= 2 else "softmix",
            bridge_type=self.kind,
            bridge_class="stasis",
            creator="Stasis",
            name=self.name,
            channels=[channel.id for channel in self.channels],
            creationtime=self.created,
            video_mode="talker",
        )

    def tell(self, kind: type[models.Event], **fields: object) -> None:
        """Tell a bridge event to the applications that have channels in it, or that subscribed."""
        stamp = self.world.utc()
        for application in self.world.applications.values():
            application.tell(kind, application.times_for_bridge(self.id), timestamp=stamp, **fields)

    def add(self, channel: FakeChannel) -> None:
        """A channel enters, out of its other bridge if it was in one. Raises Refusal as Asterisk does."""
        application = channel.needs_stasis(422)
        if channel.media.recording is not None:
            raise Refusal(409, f"Channel {channel.id} currently recording")
        if channel.bridge is not None:
            channel.bridge.remove(channel)
        self.channels.append(channel)
        channel.bridge = self
        application.follow_bridge(self.id, 1)
        self.tell(models.ChannelEnteredBridge, bridge=self.snapshot(), channel=channel.snapshot())

    def remove(self, channel: FakeChannel) -> None:
        """A channel leaves."""
        if channel.bridge is not self:
            raise Refusal(422, "Channel not in this bridge")
        self.channels.remove(channel)
        channel.bridge = None
        self.tell(models.ChannelLeftBridge, bridge=self.snapshot(), channel=channel.snapshot())
        if channel.application is not None:
            channel.application.follow_bridge(self.id, -1)

    def destroy(self) -> None:
        """All channels leave; they stay in Stasis."""
        for channel in list(self.channels):
            self.remove(channel)
        self.media.abort()
        self.world.bridges.pop(self.id, None)
        self.tell(models.BridgeDestroyed, bridge=self.snapshot())
        for application in self.world.applications.values():
            application.bridges.pop(self.id, None)
