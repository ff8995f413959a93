"""Settings: where they come from, who wins, and what the demo may change."""

from __future__ import annotations

import tomllib
from datetime import date, time
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from config.errors import BadSettings
from config.settings import Settings, load
from ivr import site
from ivr.cli.settings import resolved


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("MINSHENG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MINSHENG_LANGUAGE", "zh")


def leaves(values: dict[str, Any], below: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= leaves(value, f"{below}{name}.") if isinstance(value, dict) else {below + name: value}
    return found


def profile(name: str) -> dict[str, Any]:
    text = (resources.files("config") / "profiles" / f"{name}.toml").read_text("utf-8")
    return leaves(tomllib.loads(text))


def test_the_demo_changes_numbers_and_nothing_else(tmp_path: Path) -> None:
    assert profile("run") == {}
    for name, value in profile("demo").items():
        assert isinstance(value, int | float | time | date) and not isinstance(value, bool), name
    run, demo = load(tmp_path), load(tmp_path, profile="demo")
    differing = {
        name for name, value in leaves(demo.model_dump()).items() if value != leaves(run.model_dump())[name]
    }
    assert differing == {*profile("demo"), "profile"}


def test_the_later_wins_default_profile_site_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(tmp_path).line.answer_within == 15.0
    assert load(tmp_path, profile="demo").line.answer_within == 10.0
    (tmp_path / "minsheng.toml").write_text('profile = "demo"\n[line]\nanswer_within = 8.5\n')
    settings = load(tmp_path)
    assert (settings.profile, settings.line.answer_within, settings.line.widen_every) == ("demo", 8.5, 2.0)
    monkeypatch.setenv("MINSHENG_LINE__ANSWER_WITHIN", "7")
    assert load(tmp_path).line.answer_within == 7.0


def test_a_directory_that_is_named_is_the_one_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_VAR", str(tmp_path / "elsewhere"))
    assert load(tmp_path / "here").var == tmp_path / "here"
    assert load().var == tmp_path / "elsewhere"


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "minsheng.toml").write_text(
        'node = "N 1"\ncolour = "red"\n[sip]\nport = 99999\n[callback]\nattempts = 0\n'
    )
    with pytest.raises(BadSettings) as told:
        load(tmp_path)
    for name in ("node", "colour", "sip.port", "callback.attempts"):
        assert name in str(told.value)


def test_the_first_settings_are_valid_and_are_written_once(tmp_path: Path) -> None:
    run, demo = tmp_path / "run", tmp_path / "demo"
    assert site.first_settings(run, "run") and site.first_settings(demo, "demo")
    assert load(run).sip.bind == site.lan_address()
    settings = load(demo)
    assert (settings.profile, settings.sip.bind) == ("demo", "127.0.0.1")
    assert settings.trunks["citizen"].match == [site.DEMO_CITIZEN]
    (run / "minsheng.toml").write_text('[sip]\nbind = "127.0.0.1"\n')
    assert not site.first_settings(run, "run")
    assert load(run).sip.bind == "127.0.0.1"


def test_showing_the_settings_shows_no_password(tmp_path: Path) -> None:
    settings = load(tmp_path, store={"url": "postgresql://line:s3cret@db.example/minsheng"})
    assert resolved(settings)["store"]["url"] == "postgresql://line:***@db.example/minsheng"


def test_every_setting_is_in_the_administrators_table() -> None:
    documents = Path(__file__).resolve().parents[2] / "docs" / "administrators.md"
    if not documents.exists():
        pytest.skip("the documents lie in the source tree only")
    text = documents.read_text("utf-8")
    sections = {"sip", "asterisk", "line", "callback", "store", "speech"}
    for name, field in Settings.model_fields.items():
        if name in sections:
            inner = field.annotation.model_fields  # type: ignore[union-attr]
            missing = [each for each in inner if f"`{name}.{each}`" not in text]
        else:
            missing = [] if f"`{name}`" in text else [name]
        assert not missing, f"{name}: {missing}"
