"""Read a city: the shipped file, with the site's own changes over it, and checked as a whole."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from config.city.model import City, MatterClass
from config.errors import BadSettings
from config.language import _

NEVER = (
    "110",
    "119",
    "120",
    "122",
)  # emergency services: never called by a machine, whatever the city writes


def load(name: str, var: Path | None = None) -> City:
    """The city `name` as shipped, changed by `<var>/city/<name>.toml` where a site has one.

    In the site's file a table is merged, a list of units or matters by its ids, any other value replaced.
    Raises `BadSettings`, naming everything that is wrong at once.
    """
    shipped = resources.files("config") / "city" / f"{name}.toml"
    site = var / "city" / f"{name}.toml" if var else None
    if not shipped.is_file() and not (site and site.is_file()):
        raise BadSettings(_("没有城市“{city}”的文件", city=name))
    data = _read(shipped.read_text("utf-8"), name) if shipped.is_file() else {}
    if site and site.is_file():
        data = _over(data, _read(site.read_text("utf-8"), str(site)))
    return parse(data)


def parse(data: dict[str, Any]) -> City:
    """A checked city from plain data. Raises `BadSettings`."""
    try:
        city = City.model_validate(data)
    except ValidationError as error:
        wrong = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise BadSettings(_("城市文件有误：{wrong}", wrong="；".join(wrong))) from None
    wrong = list(_contradictions(city))
    if wrong:
        raise BadSettings(_("城市文件有误：{wrong}", wrong="；".join(wrong)))
    return city


def _read(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(_("城市文件 {name} 写得不完整：{error}", name=name, error=error)) from None


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _over(old, value)
        elif key in ("units", "matters", "years") and isinstance(old, list) and isinstance(value, list):
            merged[key] = _by_id(old, value)
        else:
            merged[key] = value
    return merged


def _by_id(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def key(item: dict[str, Any]) -> object:
        return item.get("id", item.get("year"))

    changed = {key(item): item for item in new}
    kept = [{**item, **changed.pop(key(item), {})} for item in old]
    return kept + list(changed.values())


def _contradictions(city: City) -> Iterator[str]:
    """What each part alone cannot know: names that point nowhere, things said twice, rules that must hold."""
    for twice in _twice(unit.id for unit in city.units):
        yield _("单位编号“{id}”重复", id=twice)
    for twice in _twice(unit.name for unit in city.units):
        yield _("单位名称“{name}”重复", name=twice)
    for twice in _twice(matter.id for matter in city.matters):
        yield _("诉求编号“{id}”重复", id=twice)
    for twice in _twice(str(year.year) for year in city.years):
        yield _("工作日表中 {year} 年重复", year=twice)
    units = {unit.id for unit in city.units}
    for matter in city.matters:
        for unit in {matter.lead, *matter.co} - units:
            yield _("诉求“{matter}”的单位“{unit}”不存在", matter=matter.id, unit=unit)
        if matter.lead in matter.co:
            yield _("诉求“{matter}”的主办单位又列为协办", matter=matter.id)
        if len(set(matter.keywords)) < len(matter.keywords):
            yield _("诉求“{matter}”的关键词有重复", matter=matter.id)
    for year in city.years:
        if any(day.year != year.year for day in (*year.off, *year.makeup)) or set(year.off) & set(
            year.makeup
        ):
            yield _("工作日表 {year} 年有别年的日子，或同一天既放假又上班", year=year.year)
    for kind in MatterClass:
        clock = city.clocks.of(kind)
        if (clock.unit == "none") != (clock.within is None):
            yield _("时限“{kind}”没有写明多久", kind=kind.value)
    yield from _wrong_numbers(city)


def _wrong_numbers(city: City) -> Iterator[str]:
    numbers = city.numbers
    if numbers.shown in NEVER or numbers.shown not in numbers.published:
        yield _("回访显示的号码必须是可以回拨的公布号码，且不能是 110")
    if missing := sorted(set(NEVER) - set(numbers.never_dial)):
        yield _("禁拨号码缺少 {numbers}", numbers="、".join(missing))
    for number in (*numbers.published, *numbers.never_dial):
        if not (number.isascii() and number.isdigit()):
            yield _("“{number}”不是电话号码", number=number)
    try:
        ZoneInfo(city.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield _("没有时区“{zone}”", zone=city.timezone)


def _twice(values: Iterable[str]) -> list[str]:
    return sorted(value for value, count in Counter(values).items() if count > 1)
