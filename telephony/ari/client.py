"""The way to Asterisk: its resources by Asterisk's names, and its events.

```python
async with AriClient(url, user, password, app="minsheng-n1") as client:
    await client.channels.answer(channelId=channel.id)
    async for event in client.events():
        match event:
            case StasisStart(channel=channel, args=args): ...
```
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from telephony.ari._generated.resources import Events, Resources
from telephony.ari.events import Message
from telephony.ari.link import EventLink
from telephony.ari.transport import HttpTransport, Transport


class EventsAndStream(Events):
    """`client.events.claimChannel(…)`, and `async for event in client.events()`."""

    def __init__(self, transport: Transport, link: EventLink) -> None:
        super().__init__(transport)
        self._link = link

    def __call__(self) -> AsyncIterator[Message]:
        """Everything Asterisk tells our application, in order, with LinkUp and LinkLost; for one reader.

        Nothing is dropped however slowly it is read. While the link is away events are lost: after
        `LinkUp(again=True)` the state must be asked for.
        """
        return self._link.messages()


class AriClient(Resources):
    """One Asterisk's REST interface (`channels`, `bridges`, …) and, if `app` is given, its events.

    `deadline` is the longest any request may take, in seconds: after it `Unreachable`. `subscribe_all` asks
    for the events of all channels, not only of those in our application or subscribed to.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        app: str | None = None,
        deadline: float = 3.0,
        *,
        subscribe_all: bool = False,
        transport: Transport | None = None,
    ) -> None:
        transport = transport or HttpTransport(url, user, password, deadline)
        super().__init__(transport)
        self.app = app
        self._way = transport
        query = {"app": app or "", "subscribeAll": "true" if subscribe_all else "false"}
        self._link = EventLink(transport, query)
        self.events: EventsAndStream = EventsAndStream(transport, self._link)

    @classmethod
    def over(cls, transport: Transport, app: str | None = None, *, subscribe_all: bool = False) -> Self:
        """A client over a transport of one's own, e.g. FakeAsterisk's."""
        return cls("", "", "", app, subscribe_all=subscribe_all, transport=transport)

    async def __aenter__(self) -> Self:
        if self.app is not None:
            self._link.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._link.stop()
        await self._way.close()

    @property
    def is_linked(self) -> bool:
        """Whether the event socket is open."""
        return self._link.is_up

    @property
    def link_age(self) -> float:
        """Seconds since Asterisk last answered a ping on the event socket (sent twice a second)."""
        return self._link.age
