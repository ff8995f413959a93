"""Deadlines: hours around the clock, working days by the city's table."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import clocks
from config.city.load import load
from config.city.model import MatterClass

CITY = load("shaowu")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 11, 1), timezones=st.just(UTC))
DAYS = st.dates(date(2026, 1, 1), date(2027, 11, 1))


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=CITY.zone)  # type: ignore[misc, arg-type]


def test_hours_run_around_the_clock() -> None:
    night = local(2026, 10, 3, 2, 30)
    assert clocks.due_at(CITY, MatterClass.EMERGENCY, night) == night + timedelta(hours=2)
    assert clocks.due_at(CITY, MatterClass.UTILITY, night) == night + timedelta(hours=24)


def test_seven_working_days_over_the_national_holiday() -> None:
    # Wednesday, September 30, 2026: off until the 7th, Saturday the 10th is made up.
    assert clocks.due_at(CITY, MatterClass.ORDINARY, local(2026, 9, 30, 10)) == local(2026, 10, 15, 18)


def test_police_matters_have_no_civic_clock() -> None:
    assert clocks.due_at(CITY, MatterClass.POLICE, local(2026, 9, 30, 10)) is None


def test_acceptance_is_five_minutes_for_an_emergency_and_thirty_else() -> None:
    start = local(2026, 3, 2, 9)
    assert clocks.accept_by(CITY, MatterClass.EMERGENCY, start) == start + timedelta(minutes=5)
    assert clocks.accept_by(CITY, MatterClass.HARD, start) == start + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("matter", "priority", "kind", "expected"),
    [
        (None, "ordinary", "civic", MatterClass.ORDINARY),
        (None, "emergency", "civic", MatterClass.EMERGENCY),
        ("no_water", "ordinary", "civic", MatterClass.UTILITY),
        ("no_water", "emergency", "civic", MatterClass.EMERGENCY),
        ("theft", "ordinary", "civic", MatterClass.POLICE),
        (None, "police", "police", MatterClass.POLICE),
        (None, "police", "silent", MatterClass.POLICE),  # possible duress
        (None, "ordinary", "silent", MatterClass.ORDINARY),
        ("removed_from_the_catalogue", "ordinary", "civic", MatterClass.ORDINARY),
    ],
)
def test_the_class_is_the_matters_and_an_emergency_stays_one(
    matter: str | None, priority: str, kind: str, expected: MatterClass
) -> None:
    assert clocks.class_of(CITY, matter=matter, priority=priority, kind=kind) is expected


@given(day=DAYS, count=st.integers(1, 30))
def test_exactly_that_many_working_days_lie_between(day: date, count: int) -> None:
    end = clocks.add_workdays(CITY, day, count)
    between = [day + timedelta(days=n) for n in range(1, (end - day).days + 1)]
    assert sum(CITY.is_workday(one) for one in between) == count
    assert CITY.is_workday(end)


@given(
    a=MOMENTS, b=MOMENTS, kind=st.sampled_from([MatterClass.ORDINARY, MatterClass.HARD, MatterClass.UTILITY])
)
def test_who_rings_later_is_never_due_earlier(a: datetime, b: datetime, kind: MatterClass) -> None:
    first, second = (clocks.due_at(CITY, kind, moment) for moment in sorted((a, b)))
    assert first is not None and second is not None
    assert first <= second


@given(start=MOMENTS, kind=st.sampled_from(list(MatterClass)))
def test_the_reminder_lies_between_start_and_deadline(start: datetime, kind: MatterClass) -> None:
    due = clocks.due_at(CITY, kind, start)
    if due is not None:
        assert start < clocks.remind_at(CITY, start, due) < due


@given(day=DAYS)
def test_nobody_is_due_on_a_day_off(day: date) -> None:
    due = clocks.due_at(CITY, MatterClass.HARD, datetime(day.year, day.month, day.day, 12, tzinfo=CITY.zone))
    assert due is not None
    assert CITY.is_workday(due.astimezone(CITY.zone).date())
