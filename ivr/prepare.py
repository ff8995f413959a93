"""Everything before the guard: from an empty folder to a plan, each part shown while it works.

Each failure is one sentence (`Trouble`); what was already fetched is kept, so that the next try goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from config.city import load as city_file
from config.city.model import City
from config.errors import Exit, Trouble
from config.language import _
from config.settings import Profile, Settings, load
from dialplan import render
from ivr import guard, plan, seats, site
from ivr.logfile import to_file
from models.store import migrate
from models.store.engine import open_store
from speech import models
from speech.prompts import install as prompts
from telephony.asterisk import obtain, process, secrets
from telephony.asterisk.installation import Installation

Report = Callable[[str, float], None]  # what is being done, and how much of it (0 to 1)
Reporter = Callable[[str], Report]  # the report function of a named part

RELOADS = ("module reload res_pjsip.so", "dialplan reload")


@dataclass(frozen=True)
class Prepared:
    """`lock`: the descriptor of the directory's lock, to be handed to the guard. `accounts`: seat → SIP secret."""

    settings: Settings
    city: City
    plan: Path
    lock: int
    seats: list[seats.Seat]
    accounts: dict[str, str] = field(repr=False)


def prepare(var: Path, profile: Profile, reporter: Reporter, *, now: bool = False) -> Prepared:
    """All that `run` and `demo` need. `profile` counts on the first run only: then it is written down.

    Raises `Trouble` (`Exit.BUSY` where a guard already works on `var`), `BadSettings`.
    """
    os.umask(0o077)  # recordings, store and logs are nobody else's
    lock = _alone(var)
    site.first_settings(var, profile)
    settings = load(var)
    site.check(settings)
    city = city_file.load(settings.city, var)
    try:
        to_file(var / "log" / "minsheng.log")
    except OSError as error:
        raise _unwritable(var, error) from None
    installation = _fetched(settings, reporter)
    ready = reporter("store")
    ready(_("数据库"), 0.0)
    people = _people(settings)
    ready(_("数据库"), 1.0)
    if guard.living(settings.run / "asterisk.pid") is None:
        process.check_ports(settings)
    accounts = configure(settings, city, installation, people)
    written = plan.write(settings, installation, now=now)
    return Prepared(settings, city, written, lock, people, accounts)


def _alone(var: Path) -> int:
    try:
        lock = guard.take_lock(var / "run")
    except OSError as error:
        raise _unwritable(var, error) from None
    if lock is None:
        raise Trouble(plan.busy(var), Exit.BUSY)
    return lock


def _unwritable(var: Path, error: OSError) -> Trouble:
    return Trouble(_("目录 {var} 不能写：{why}", var=var, why=error.strerror))


def _fetched(settings: Settings, reporter: Reporter) -> Installation:
    """Asterisk, the model and the prompts, side by side: the network is what takes time."""

    def sounds() -> None:
        report = reporter("prompts")
        report(_("提示音"), 0.0)
        prompts.install(settings.sounds)
        report(_("提示音"), 1.0)

    def model() -> None:
        report = reporter("model")
        report(_("语音识别模型"), 0.0)
        models.fetch(settings.speech.model, settings.cache, report)
        report(_("语音识别模型已就绪"), 1.0)

    def asterisk() -> Installation:
        return obtain.obtain(settings.cache, settings.asterisk.program, reporter("asterisk"))

    others: list[Callable[[], None]] = [model, sounds]
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(asterisk)
        rest = [pool.submit(other) for other in others]
        installation = first.result()
        for each in rest:
            each.result()
    return installation


def _people(settings: Settings) -> list[seats.Seat]:
    store = open_store(settings.store_url)
    try:
        migrate.upgrade(store)
        return seats.ensure(store, settings.node, first=2 if settings.profile == "demo" else 3)
    finally:
        store.close()


def configure(
    settings: Settings, city: City, installation: Installation, people: list[seats.Seat]
) -> dict[str, str]:
    """Renders Asterisk's files; a running Asterisk reads them anew. Returns each seat's SIP secret."""
    names = [seat.id for seat in people]
    kept = secrets.load(settings.secrets, names)
    accounts = {name: kept.seats[name] for name in names}
    render.render(
        settings,
        render.Program(installation.modules, installation.load, installation.data),
        kept.ari,
        [render.Seat(name, secret) for name, secret in accounts.items()],
        list(city.numbers.published),
        [each.number for each in city.numbers.overflow],
        city.numbers.shown,
    )
    if guard.living(settings.run / "asterisk.pid") is not None:
        asterisk = process.AsteriskProcess(settings, installation)
        for line in RELOADS:
            asterisk.rx(line)
    return accounts
