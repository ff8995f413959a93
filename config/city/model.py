"""What a city is made of: units, matters, clocks, working days, numbers; loaded by `config.city.load`."""

from __future__ import annotations

from datetime import date, time, timedelta
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from config.errors import NotFound
from config.language import _


class MatterClass(StrEnum):
    """The class of a matter decides its clock (DESIGN 6)."""

    EMERGENCY = "emergency"
    UTILITY = "utility"  # water, power, gas, heat
    ORDINARY = "ordinary"
    HARD = "hard"
    POLICE = "police"  # its own path: no civic clock, no survey


class Sensitive(StrEnum):
    """Matters whose citizens are only ever rung by a person (DESIGN 7)."""

    DOMESTIC_VIOLENCE = "domestic_violence"
    MINOR = "minor"
    SUICIDE = "suicide"
    WHISTLE_BLOWER = "whistle_blower"
    CONFIDENTIAL = "confidential"


def _words(value: object) -> object:
    """Keywords are written as one line, separated by spaces: easier to edit than a list."""
    return tuple(value.split()) if isinstance(value, str) else value


def _days(value: object) -> object:
    """Days off are written as days or as `[first, last]`, both included."""
    if not isinstance(value, list | tuple):
        return value
    days: list[object] = []
    for item in value:
        if isinstance(item, list) and len(item) == 2 and all(isinstance(day, date) for day in item):
            first, last = item
            days += [first + timedelta(days=n) for n in range((last - first).days + 1)]
        else:
            days.append(item)
    return tuple(days)


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Days = Annotated[tuple[date, ...], BeforeValidator(_days)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Unit(Part):
    """Who may be given a case. `places`: names by which citizens say where they are (townships only)."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str = Field(min_length=2)
    kind: Literal["department", "township", "team"]
    short: str = ""
    places: Words = ()


class Matter(Part):
    """One thing citizens ring about.

    `keywords`: what people say, also colloquially. `heard`: forms that recognition is likely to write
    instead, beyond those that sound the same (these are found by their sound anyway). `township`: whether
    the township whose place is named leads, joins, or is left out.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str = Field(min_length=2)
    kind: MatterClass = Field(alias="class")
    lead: str
    co: Words = ()
    township: Literal["lead", "co", "none"] = "none"
    keywords: Words = Field(min_length=1)
    heard: Words = ()
    sensitive: Sensitive | None = None


class Clock(Part):
    """How long a class may take: `within` hours around the clock, or working days; acceptance in minutes."""

    accept_minutes: int = Field(gt=0)
    within: int | None = Field(None, gt=0)
    unit: Literal["hours", "workdays", "none"]


class Clocks(Part):
    emergency: Clock
    utility: Clock
    ordinary: Clock
    hard: Clock
    police: Clock
    return_within_workdays: int = Field(2, ge=1)
    extend_workdays: int = Field(10, ge=1)  # the most one extension may add (Shandong's rule)
    remind_when_left: float = Field(0.25, gt=0, lt=1)  # share of the time that is left when we remind
    workday_ends: time = time(18, 0)

    def of(self, kind: MatterClass) -> Clock:
        clock: Clock = getattr(self, kind.value)
        return clock


class Year(Part):
    """Days off and made-up working days of one year, as the State Council announces them each November."""

    year: int
    off: Days
    makeup: Days = ()
    provisional: bool = False  # statutory days only: the announcement was not known


class Supervisor(Part):
    """Owner of every case that no operator has claimed (DESIGN 5)."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str = Field(min_length=1)


class Overflow(Part):
    """A telephone that the fallback rings too, once three of its rounds found nobody."""

    name: str
    number: str = Field(pattern=r"^[0-9]{3,15}$")


class Numbers(Part):
    """`published`: what citizens dial. `shown`: on our own calls; published too, so it can be rung back."""

    published: Words = Field(min_length=1)
    shown: str = Field(pattern=r"^[0-9]{3,15}$")
    placeholder: bool = False  # `shown` is nobody's number: the city has to set its own
    area_code: str = Field(pattern=r"^0[0-9]{2,3}$")
    never_dial: Words
    overflow: tuple[Overflow, ...] = ()


class Notice(Part):
    """The first words a citizen hears, approved by the city; the version is kept with each call."""

    version: str = Field(min_length=1)
    text: str = Field(min_length=1)


class City(Part):
    id: str
    name: str
    line: str
    timezone: str
    supervisor: Supervisor
    numbers: Numbers
    notice: Notice
    clocks: Clocks
    years: tuple[Year, ...] = Field(min_length=1)
    units: tuple[Unit, ...]
    matters: tuple[Matter, ...]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def unit(self, id: str) -> Unit:
        """Raises `NotFound` for a unit the city does not have."""
        for unit in self.units:
            if id in (unit.id, unit.name):
                return unit
        raise NotFound(_("没有单位“{unit}”", unit=id))

    def matter(self, id: str) -> Matter:
        """Raises `NotFound` for a matter that is not in the catalogue."""
        for matter in self.matters:
            if id in (matter.id, matter.name):
                return matter
        raise NotFound(_("诉求目录中没有“{matter}”", matter=id))

    def is_workday(self, day: date) -> bool:
        """By the table; a year that is not in it has Saturdays and Sundays off."""
        for year in self.years:
            if year.year == day.year:
                if day in year.makeup:
                    return True
                if day in year.off:
                    return False
        return day.weekday() < 5

    def warnings(self, today: date) -> list[str]:
        """Sentences for the administrator: what the city still has to set, or renew soon."""
        found = []
        last = max(year.year for year in self.years)
        if (date(last, 12, 31) - today).days < 60:
            found.append(_("工作日表只到 {year} 年底，请在城市文件中补上下一年的放假安排", year=last))
        for year in self.years:
            if year.provisional and (date(year.year, 1, 1) - today).days < 60 and today.year <= year.year:
                found.append(_("{year} 年的工作日表只含法定节日，请按国务院公布的安排改写", year=year.year))
        if self.numbers.placeholder:
            found.append(
                _("回访显示的号码 {number} 只是占位，请改为本市公布的号码", number=self.numbers.shown)
            )
        if not self.numbers.overflow:
            found.append(_("没有设置溢出号码：程序不应答而后备振铃无人接听时，仍只能振铃坐席"))
        return found
