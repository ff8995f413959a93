"""What every command of an office hand needs: the settings, the city and the store of this directory."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy.engine import make_url

from config.city import load as city_file
from config.city.model import City
from config.errors import NotFound
from config.language import _
from config.settings import Settings, load
from models.store.engine import Store, open_store
from models.store.migrate import ensure_current


@dataclass(frozen=True)
class Office:
    settings: Settings
    city: City
    store: Store

    @property
    def zone(self) -> ZoneInfo:
        return self.city.zone


def open_office() -> Office:
    """Raises `BadSettings`; `NotFound` where nothing has run yet (looking makes no store); `Trouble`."""
    settings = load()
    city = city_file.load(settings.city, settings.var)
    url = make_url(settings.store_url)
    if url.get_backend_name() == "sqlite" and not os.path.exists(url.database or ""):  # noqa: PTH110
        raise NotFound(_("{var} 还没有数据；请先运行 minsheng run 或 minsheng demo", var=settings.var))
    store = open_store(settings.store_url)
    ensure_current(store)
    return Office(settings, city, store)


def me() -> str:
    """Who acts at this command line, for the duty log: the account on this machine."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:{os.getuid()}"
