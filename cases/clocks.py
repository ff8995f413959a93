"""How long a case may take (DESIGN 6): pure functions of the city's clocks and working days.

Hours run around the clock. Working days count from the day after the start and end with the office hours of the last
one, as 民法典 201 and 203 count days.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from config.city.model import City, MatterClass
from models.words import Priority


def class_of(city: City, *, matter: str | None, priority: str, kind: str) -> MatterClass:
    """The class whose clock holds: the matter's, but an emergency stays one whatever matter is chosen later."""
    known = {item.id: item.kind for item in city.matters}.get(matter or "")
    if known is MatterClass.POLICE or (known is None and (kind == "police" or priority == Priority.POLICE)):
        return MatterClass.POLICE
    if priority == Priority.EMERGENCY:
        return MatterClass.EMERGENCY
    return known or MatterClass.ORDINARY


def accept_by(city: City, kind: MatterClass, start: datetime) -> datetime:
    """Until when a unit must have accepted, counted from the assignment."""
    return start + timedelta(minutes=city.clocks.of(kind).accept_minutes)


def due_at(city: City, kind: MatterClass, start: datetime) -> datetime | None:
    """Until when the matter must be resolved, counted from the call; None for police matters."""
    clock = city.clocks.of(kind)
    if clock.within is None or clock.unit == "none":
        return None
    if clock.unit == "hours":
        return start + timedelta(hours=clock.within)
    return after_workdays(city, start, clock.within)


def return_by(city: City, assigned_at: datetime) -> datetime:
    """Until when a unit may return what is not its own."""
    return after_workdays(city, assigned_at, city.clocks.return_within_workdays)


def after_workdays(city: City, start: datetime, count: int) -> datetime:
    """The end of the `count`th working day after the day of `start`, as UTC."""
    day = add_workdays(city, start.astimezone(city.zone).date(), count)
    return datetime.combine(day, city.clocks.workday_ends, city.zone).astimezone(UTC)


def add_workdays(city: City, day: date, count: int) -> date:
    """The `count`th working day after `day`; `day` itself does not count."""
    while count > 0:
        day += timedelta(days=1)
        if city.is_workday(day):
            count -= 1
    return day


def remind_at(city: City, start: datetime, due: datetime) -> datetime:
    """When the owner and the unit are reminded: a share of the time before the deadline."""
    return due - (due - start) * city.clocks.remind_when_left
