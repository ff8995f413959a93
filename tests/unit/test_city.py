"""The city file: what is in it, what it refuses, how a site changes it."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from config.city.load import load, parse
from config.city.model import City
from config.errors import BadSettings, Exit, NotFound


@pytest.fixture(scope="module")
def city() -> City:
    return load("shaowu")


@pytest.fixture
def data() -> dict[str, Any]:
    return tomllib.loads((resources.files("config") / "city" / "shaowu.toml").read_text("utf-8"))


def kinds(city: City, kind: str) -> list[str]:
    return [unit.name for unit in city.units if unit.kind == kind]


def test_shaowu_has_its_departments_townships_and_teams(city: City) -> None:
    assert len(kinds(city, "department")) == 24
    assert len(kinds(city, "team")) == 5
    townships = kinds(city, "township")
    assert sum(name.endswith("街道") for name in townships) == 4
    assert sum(name.endswith("镇") for name in townships) == 12
    assert sum(name.endswith("乡") for name in townships) == 3
    assert len(townships) == 19


def test_the_catalogue_covers_every_class_and_is_long_enough(city: City) -> None:
    assert len(city.matters) >= 80
    assert {matter.kind.value for matter in city.matters} == {
        "emergency",
        "utility",
        "ordinary",
        "hard",
        "police",
    }


def test_every_department_and_team_leads_or_joins_something(city: City) -> None:
    used = {unit for matter in city.matters for unit in (matter.lead, *matter.co)}
    assert {unit.id for unit in city.units if unit.kind != "township"} <= used


def test_the_clocks_are_those_of_the_design(city: City) -> None:
    clocks = city.clocks
    assert (clocks.emergency.within, clocks.emergency.unit, clocks.emergency.accept_minutes) == (
        2,
        "hours",
        5,
    )
    assert (clocks.utility.within, clocks.utility.unit, clocks.utility.accept_minutes) == (24, "hours", 30)
    assert (clocks.ordinary.within, clocks.hard.within) == (7, 15)
    assert clocks.police.within is None


def test_working_days_follow_the_announced_holidays(city: City) -> None:
    assert not city.is_workday(date(2026, 10, 1))
    assert city.is_workday(date(2026, 10, 10))  # a Saturday, made up
    assert city.is_workday(date(2026, 2, 14))
    assert not city.is_workday(date(2026, 2, 16))
    assert city.is_workday(date(2026, 11, 24))
    assert not city.is_workday(date(2030, 1, 5))  # no table: Saturdays are off


def test_made_up_days_are_weekends_and_days_off_are_not_counted_twice(city: City) -> None:
    for year in city.years:
        assert all(day.weekday() >= 5 for day in year.makeup)
        assert len(set(year.off)) == len(year.off)


def test_the_end_of_the_table_is_warned_of_in_time(city: City) -> None:
    last = max(year.year for year in city.years)
    before = date(last, 12, 31) - timedelta(days=200)
    soon = date(last, 12, 31) - timedelta(days=30)
    assert not any(f"{last} 年底" in sentence for sentence in city.warnings(before))
    assert any(f"{last} 年底" in sentence for sentence in city.warnings(soon))


def test_a_placeholder_number_is_warned_of(city: City) -> None:
    assert any(city.numbers.shown in sentence for sentence in city.warnings(date(2026, 3, 1)))


def test_units_and_matters_are_found_by_id_and_by_name(city: City) -> None:
    assert city.unit("市自来水公司") is city.unit("waterworks")
    assert city.matter("停水").id == "no_water"
    with pytest.raises(NotFound, match="没有单位"):
        city.unit("moon")
    with pytest.raises(NotFound, match="诉求目录"):
        city.matter("moon")


def test_an_unknown_city_is_one_sentence() -> None:
    with pytest.raises(BadSettings, match="没有城市“atlantis”的文件") as caught:
        load("atlantis")
    assert caught.value.status is Exit.SETTINGS


def change(data: dict[str, Any], path: str, value: object) -> None:
    *parts, last = path.split(".")
    for part in parts:
        data = data[int(part)] if isinstance(data, list) else data[part]
    data[last] = value


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("matters.0.lead", "moon", "单位“moon”不存在"),
        ("matters.0.co", "fire moon", "moon"),
        ("matters.1.id", "fire", "诉求编号“fire”重复"),
        ("matters.0.class", "leisure", "matters.0.class"),
        ("matters.0.keywords", "", "matters.0.keywords"),
        ("matters.0.keywords", "着火 着火", "关键词有重复"),
        ("matters.0.colour", "red", "matters.0.colour"),
        ("units.1.id", "police", "单位编号“police”重复"),
        ("units.1.name", "市公安局", "单位名称“市公安局”重复"),
        ("numbers.shown", "110", "回拨"),
        ("numbers.shown", "05991234567", "回拨"),
        ("numbers.never_dial", "110 119", "120、122"),
        ("numbers.published", ["110", "一一〇", "05990000110"], "不是电话号码"),
        ("clocks.ordinary", {"accept_minutes": 30, "unit": "workdays"}, "ordinary"),
        ("years.0.makeup", [date(2025, 1, 4)], "2026"),
        ("timezone", "Asia/Atlantis", "没有时区"),
    ],
)
def test_a_wrong_city_file_is_refused_and_says_where(
    data: dict[str, Any], path: str, value: object, said: str
) -> None:
    change(data, path, value)
    with pytest.raises(BadSettings) as caught:
        parse(data)
    assert said in str(caught.value)


def test_a_site_changes_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "city").mkdir()
    (tmp_path / "city" / "shaowu.toml").write_text(
        """
        [numbers]
        published = ["110", "05996330110"]
        shown = "05996330110"
        placeholder = false
        overflow = [{ name = "值班领导", number = "13900000001" }]
        [[units]]
        id = "waterworks"
        name = "邵武水务公司"
        [[matters]]
        id = "bees"
        name = "蜜蜂"
        class = "ordinary"
        lead = "parks"
        keywords = "蜜蜂"
        """,
        "utf-8",
    )
    city, shipped = load("shaowu", tmp_path), load("shaowu")
    assert city.unit("waterworks").name == "邵武水务公司"
    assert city.unit("waterworks").kind == "department"
    assert len(city.units) == len(shipped.units)
    assert len(city.matters) == len(shipped.matters) + 1
    assert city.numbers.never_dial == shipped.numbers.never_dial
    assert not any("占位" in sentence or "溢出" in sentence for sentence in city.warnings(date(2026, 3, 1)))


def test_a_half_written_site_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "city").mkdir()
    (tmp_path / "city" / "shaowu.toml").write_text("[numbers\n", "utf-8")
    with pytest.raises(BadSettings, match="写得不完整"):
        load("shaowu", tmp_path)


def test_the_city_cannot_be_changed_at_run_time(city: City) -> None:
    with pytest.raises(ValueError, match="frozen"):
        city.numbers.shown = "110"  # type: ignore[misc]
