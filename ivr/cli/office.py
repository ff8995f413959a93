"""What every command of an office hand needs: the settings, the city and the store of this directory."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

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
    file = _file_of(settings.store_url)
    if file is not None and not file.exists():
        demo = settings.var / "demo"
        if (demo / "store").is_dir():
            sentence = _(
                "{var} 还没有数据。演示的数据这样看：MINSHENG_VAR={demo} minsheng case list；正式运行：minsheng run",
                var=settings.var,
                demo=demo,
            )
        else:
            sentence = _("{var} 还没有数据；请先运行 minsheng run 或 minsheng demo", var=settings.var)
        raise NotFound(sentence)
    store = open_store(settings.store_url)
    ensure_current(store)
    return Office(settings, city, store)


def _file_of(url: str) -> Path | None:
    """The file of an SQLite store; None where the store is a server."""
    kind, _colon, place = url.partition(":///")
    return Path(place.partition("?")[0]) if kind == "sqlite" else None


def me() -> str:
    """Who acts at this command line, for the duty log: the account on this machine."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:{os.getuid()}"
