"""What every dialogue of the line shares: settings, the city, Asterisk, the spool, the desk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config.city.load import load as load_city
from config.city.model import City
from config.settings import Settings
from models.event import Event, Json, happened
from models.store.lookup import Lookup
from models.store.spool import Spool
from telephony.ari.client import AriClient
from telephony.router import Router

if TYPE_CHECKING:
    from ivr.desk import Desk


@dataclass
class House:
    """One line process. `desk` is set right after: it rings through the house it belongs to."""

    settings: Settings
    city: City
    ari: AriClient
    router: Router
    spool: Spool
    lookup: Lookup
    desk: Desk = field(init=False)

    @classmethod
    def of_site(
        cls, settings: Settings, ari: AriClient, router: Router, spool: Spool, lookup: Lookup
    ) -> House:
        """With the city as this site has changed it. Raises `BadSettings`."""
        return cls(settings, load_city(settings.city, settings.var), ari, router, spool, lookup)

    @property
    def app(self) -> str:
        return f"minsheng-{self.settings.node}"

    def sound(self, prompt: str) -> str:
        """A prompt's media URI."""
        return f"sound:{self.settings.sounds}/{prompt}"

    def digits(self, number: str) -> list[str]:
        """A number as it is said on the telephone, digit by digit."""
        return [self.sound(f"d{digit}") for digit in number if digit.isdigit()]

    def note(self, stream: str, kind: str, /, **body: Json) -> Event:
        """One thing that happened: into the spool, without waiting for it."""
        event = happened(self.settings.node, stream, kind, **body)
        self.spool.put(event)
        return event
