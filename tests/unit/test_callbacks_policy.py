"""Whom we ring and when, over many days and numbers."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbacks import policy
from callbacks.policy import Asked, Hours, Why
from config.city.load import load
from config.language import preferred
from config.sections import Callback as Rules

CITY = load("shaowu")
RULES = Rules()
DEMO = Rules(opens=time(0, 0), closes=time(23, 59, 59), due_after_days=0, spacing=3.0, per_number=1000)
ZONE = CITY.zone
WINDOW = policy.hours(RULES, ZONE)

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
CLOCKS = st.one_of(st.none(), st.times().map(lambda at: at.strftime("%H:%M")))
MOBILE = "13905990001"


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZONE)  # type: ignore[misc, arg-type]


# When ------------------------------------------------------------------------------------------------------


def test_the_window_opens_at_nine_and_closes_at_half_past_eight() -> None:
    assert not WINDOW.open_at(local(2026, 3, 2, 8, 59))
    assert WINDOW.open_at(local(2026, 3, 2, 9, 0))
    assert WINDOW.open_at(local(2026, 3, 2, 20, 29))
    assert not WINDOW.open_at(local(2026, 3, 2, 20, 30))


def test_a_resolution_is_asked_about_the_next_day() -> None:
    assert policy.due_at(RULES, WINDOW, local(2026, 3, 2, 7)) == local(2026, 3, 3, 9)
    assert policy.due_at(RULES, WINDOW, local(2026, 3, 2, 23, 59)) == local(2026, 3, 3, 9)


def test_the_demo_asks_at_once() -> None:
    moment = local(2026, 3, 2, 3)
    assert policy.due_at(DEMO, policy.hours(DEMO, ZONE), moment) == moment


def test_attempts_fall_on_different_days() -> None:
    first = local(2026, 3, 3, 20, 29)
    assert policy.next_at(RULES, WINDOW, first + timedelta(minutes=1), [first]) == local(2026, 3, 4, 9)


def test_the_fourth_ring_of_a_number_waits_until_seven_days_after_the_first() -> None:
    rung = [local(2026, 3, day, 10) for day in (3, 4, 5)]
    assert policy.next_at(RULES, WINDOW, local(2026, 3, 6, 9), rung) == local(2026, 3, 10, 10)


def test_the_demo_spaces_by_seconds() -> None:
    hours = policy.hours(DEMO, ZONE)
    rung = local(2026, 3, 3, 10)
    assert policy.next_at(DEMO, hours, rung, [rung]) == rung + timedelta(seconds=3)


def test_our_own_failure_waits_a_little_but_not_a_day() -> None:
    failed = local(2026, 3, 3, 10)
    again = policy.next_at(RULES, WINDOW, failed, [], ours=failed)
    assert again is not None
    assert failed < again < failed + timedelta(hours=1)


@given(at=MOMENTS, begins=CLOCKS, ends=CLOCKS)
def test_the_first_moment_is_allowed_not_before_and_within_two_days(
    at: datetime, begins: str | None, ends: str | None
) -> None:
    hours = policy.hours(RULES, ZONE, begins, ends)
    first = hours.first(at)
    if not hours.spans:
        assert first is None
        return
    assert first is not None
    assert at <= first <= at + timedelta(days=2)
    assert hours.open_at(first)
    assert WINDOW.open_at(first)


@given(at=MOMENTS, begins=st.times(), ends=st.times())
def test_nobody_is_rung_outside_their_safe_hours(at: datetime, begins: time, ends: time) -> None:
    begins, ends = begins.replace(second=0, microsecond=0), ends.replace(second=0, microsecond=0)
    hours = policy.hours(RULES, ZONE, f"{begins:%H:%M}", f"{ends:%H:%M}")
    clock = at.astimezone(ZONE).time()
    safe = begins <= clock < ends if begins < ends else begins != ends and (clock >= begins or clock < ends)
    assert hours.open_at(at) == (safe and WINDOW.open_at(at))


@given(
    rung=st.lists(MOMENTS, max_size=6),
    later=st.floats(0, 30 * policy.DAY),
    per_number=st.integers(1, 4),
    days=st.integers(1, 3),
)
def test_no_number_rings_twice_on_a_day_nor_too_often_in_a_window(
    rung: list[datetime], later: float, per_number: int, days: int
) -> None:
    rules = Rules(per_number=per_number, spacing=days * policy.DAY)
    now = max(rung, default=datetime(2027, 1, 1, tzinfo=UTC)) + timedelta(seconds=later)
    at = policy.next_at(rules, WINDOW, now, rung)
    assert at is not None
    assert at >= now
    assert WINDOW.open_at(at)
    assert all((at.astimezone(ZONE).date() - one.astimezone(ZONE).date()).days >= days for one in rung)
    recent = [one for one in rung if one > at - timedelta(seconds=rules.per_number_window)]
    assert len(recent) < per_number


@given(start=MOMENTS, delays=st.lists(st.floats(0, 2 * policy.DAY), min_size=12, max_size=12))
def test_a_whole_campaign_keeps_every_limit(start: datetime, delays: list[float]) -> None:
    rung: list[datetime] = []
    now = start
    for delay in delays:
        at = policy.next_at(RULES, WINDOW, now, rung)
        assert at is not None
        now = max(at, now)
        rung.append(now)
        now += timedelta(seconds=delay)
    days = [one.astimezone(ZONE).date() for one in rung]
    assert len(set(days)) == len(days)
    for place in range(len(rung) - RULES.per_number):
        window = rung[place + RULES.per_number] - rung[place]
        assert window >= timedelta(seconds=RULES.per_number_window)


def test_a_window_that_never_opens_rings_nobody() -> None:
    assert Hours(ZONE, ()).first(local(2026, 3, 2, 10)) is None
    assert policy.next_at(RULES, Hours(ZONE, ()), local(2026, 3, 2, 10), []) is None


# Whom --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [MOBILE, "+8613905990001", "008613905990001", "139 0599 0001", "05996321234", "6321234", "8001", "601"],
)
def test_numbers_of_citizens_and_of_the_site_may_be_dialled(number: str) -> None:
    assert policy.unfit_number(number, CITY) is None


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("", Why.WITHHELD),
        ("110", Why.NEVER_DIAL),
        ("+86110", Why.NEVER_DIAL),
        ("0599110", Why.NEVER_DIAL),
        ("0599-119", Why.NEVER_DIAL),
        ("12345", Why.NEVER_DIAL),
        ("05990000110", Why.NEVER_DIAL),  # ourselves
        ("anonymous", Why.INVALID),
        ("12", Why.INVALID),
        ("139059900011390599", Why.INVALID),
        ("+14155550100", Why.INVALID),
        ("13905990001;x", Why.INVALID),
        ("１３９０５９９０００１", Why.INVALID),
    ],
)
def test_other_numbers_are_a_persons(number: str, why: Why) -> None:
    assert policy.unfit_number(number, CITY) is why


@pytest.mark.parametrize("number", CITY.numbers.never_dial)
def test_nothing_on_the_never_dial_list_is_dialled_in_any_form(number: str) -> None:
    for form in (number, f"+86{number}", f"0086{number}", f"0599{number}", f"0599-{number}", f" {number} "):
        assert policy.unfit_number(form, CITY) is Why.NEVER_DIAL


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Asked(MOBILE, "civic"), None),
        (Asked(MOBILE, "civic", matter="no_water"), None),
        (Asked(MOBILE, "police"), Why.POLICE),
        (Asked(MOBILE, "silent"), Why.SILENT),
        (Asked(MOBILE, "civic", matter="domestic_violence"), Why.SENSITIVE),
        (Asked(MOBILE, "civic", matter="no_water", suggested="domestic_violence"), Why.SENSITIVE),
        (Asked(MOBILE, "civic", matter="child_abuse"), Why.SENSITIVE),
        (Asked(MOBILE, "civic", matter="suicide"), Why.SENSITIVE),
        (Asked(MOBILE, "civic", matter="official"), Why.CONFIDENTIAL),
        (Asked(MOBILE, "civic", confidential=True), Why.CONFIDENTIAL),
        (Asked(MOBILE, "civic", do_not_call=True), Why.DO_NOT_CALL),
        (Asked("", "civic"), Why.WITHHELD),
        (Asked("119", "civic"), Why.NEVER_DIAL),
        (Asked(MOBILE, "civic", safe_from="22:00", safe_to="06:00"), Why.NO_HOURS),
        (Asked(MOBILE, "civic", safe_from="20:00", safe_to="06:00"), None),
    ],
)
def test_some_citizens_are_only_rung_by_a_person(asked: Asked, why: Why | None) -> None:
    assert policy.person_instead(asked, CITY, RULES) is why


@pytest.mark.parametrize(
    "matter", [matter for matter in CITY.matters if matter.sensitive], ids=lambda one: one.id
)
def test_no_sensitive_matter_of_the_catalogue_is_asked_about_by_a_machine(matter: object) -> None:
    asked = Asked(MOBILE, "civic", matter=matter.id)  # type: ignore[attr-defined]
    assert policy.person_instead(asked, CITY, RULES) is not None


@given(digits=st.text("0123456789", max_size=20))
def test_what_is_dialled_is_digits_only(digits: str) -> None:
    if policy.unfit_number(digits, CITY) is None:
        assert policy.canonical(digits, CITY).isdigit()


@given(text=st.text(max_size=20))
def test_no_text_passes_for_a_number(text: str) -> None:
    if policy.unfit_number(text, CITY) is None:
        dialled = policy.canonical(text, CITY)
        assert dialled.isascii()
        assert dialled.isdigit()


# How much ----------------------------------------------------------------------------------------------------


def test_the_round_is_over_after_its_attempts_and_ours_do_not_count() -> None:
    assert policy.exhausted(RULES, rung=2, ours=5) is None
    assert policy.exhausted(RULES, rung=3, ours=0) is Why.EXHAUSTED
    assert policy.exhausted(RULES, rung=0, ours=9) is Why.CANNOT_DIAL


@given(free=st.integers(-5, 200), under_way=st.integers(0, 50))
def test_the_last_channels_stay_with_the_citizens_who_ring(free: int, under_way: int) -> None:
    taken = policy.room(RULES, free, under_way)
    assert taken >= 0
    assert taken == 0 or free - under_way - taken >= RULES.spare_channels


def test_every_reason_has_words() -> None:
    assert preferred() in ("zh", "en")
    assert all(why.label for why in Why)
