"""What is rendered from which settings, and which settings are refused."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest

from config.errors import BadSettings, Exit, Trouble
from config.settings import load
from dialplan.render import Program, Seat, configuration, render, sessions

TRUNKS = {"citizen": {"match": ["127.0.0.2", "10.0.0.0/24"], "contact": "sip:127.0.0.2:5070"}}


def written(var: Path, **changes: Any) -> dict[str, str]:
    """Render with a change or two; every file's text by name."""
    site = {"trunks": TRUNKS, **changes.pop("site", {})}
    settings = load(var, **site)
    arguments = {
        "ari_password": "geheim",
        "seats": [Seat("op1", "11"), Seat("op2", "22")],
        "numbers": ["110"],
        "overflow": ["13900000000", "13900000001"],
        "published": "05986110110",
    } | changes
    render(settings, Program(var / "modules", ("chan_pjsip",), var / "share"), **arguments)
    return {path.name: path.read_text() for path in configuration(settings).parent.iterdir()}


def test_no_placeholder_is_left_over(tmp_path: Path) -> None:
    for name, text in written(tmp_path).items():
        assert "@{" not in text, name


def test_every_number_reaches_the_line_from_outside_and_from_a_seat(tmp_path: Path) -> None:
    extensions = written(tmp_path, numbers=["110", "12345"])["extensions.conf"]
    for number in ("110", "12345", "05986110110"):
        assert f"exten => {number},1,Set(MS_REC=" in extensions
        assert f"exten => {number},1,Goto(ms-110,{number},1)" in extensions


def test_overflow_numbers_are_rung_over_the_first_trunk(tmp_path: Path) -> None:
    extensions = written(tmp_path)["extensions.conf"]
    assert "MS_OVERFLOW=PJSIP/13900000000@citizen&PJSIP/13900000001@citizen\n" in extensions
    assert "MS_SEATS=op1,op2\n" in extensions
    assert ">=45]" in extensions, "three rounds of 15 s"


def test_without_a_trunk_nobody_is_rung_over_one(tmp_path: Path) -> None:
    assert "MS_OVERFLOW=\n" in written(tmp_path, site={"trunks": {}})["extensions.conf"]


def test_a_trunk_is_known_by_its_addresses_and_shows_our_number(tmp_path: Path) -> None:
    pjsip = written(tmp_path)["pjsip.conf"]
    assert "match=127.0.0.2\nmatch=10.0.0.0/24\n" in pjsip
    assert "from_user=05986110110\n" in pjsip
    assert "contact=sip:127.0.0.2:5070\n" in pjsip


def test_only_seats_are_dropped_when_their_sound_stops(tmp_path: Path) -> None:
    sections = re.split(r"^\[", written(tmp_path)["pjsip.conf"], flags=re.MULTILINE)
    assert {part.split("]")[0] for part in sections if "rtp_timeout" in part} == {"op1", "op2"}


def test_an_address_of_all_interfaces_leaves_the_media_address_to_asterisk(tmp_path: Path) -> None:
    pjsip = written(tmp_path, site={"sip": {"bind": "0.0.0.0"}})["pjsip.conf"]
    assert "media_address" not in pjsip
    assert "bind=0.0.0.0:5060\n" in pjsip


def test_secrets_are_in_files_of_ours_alone(tmp_path: Path) -> None:
    for name, text in written(tmp_path).items():
        mode = stat.S_IMODE((tmp_path / "asterisk/etc" / name).stat().st_mode)
        assert ("geheim" in text or "password=" in text) == (mode == 0o600), name


def test_rendering_twice_changes_nothing(tmp_path: Path) -> None:
    assert written(tmp_path) == written(tmp_path)


def test_there_are_sessions_for_every_call_there_can_be(tmp_path: Path) -> None:
    settings = load(tmp_path, sip={"rtp_first": 20000, "rtp_last": 20199})
    assert sessions(settings, 12) >= 4 * 100 + 12


@pytest.mark.parametrize(
    "changes",
    [
        {"seats": [Seat("op1", "x"), Seat("op1", "y")]},
        {"seats": [Seat("citizen", "x")]},
        {"seats": [Seat("anonymous", "x")]},
        {"seats": [Seat("ms-110", "x")]},
        {"seats": [Seat("op,1&op2", "x")]},
        {"numbers": ["_X."]},
        {"overflow": ["139@elsewhere"]},
        {"published": "110;"},
        {"site": {"trunks": {"a": {"match": ["1.2.3.4\ncontext=ms-seat"], "contact": "sip:x"}}}},
        {"site": {"trunks": {"a": {"match": ["1.2.3.4"], "contact": "sip:x;y"}}}},
    ],
)
def test_what_would_mean_something_to_asterisk_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(BadSettings) as caught:
        written(tmp_path, **changes)
    assert caught.value.status == Exit.SETTINGS
    assert not (tmp_path / "asterisk/etc").exists(), "nothing half written"


def test_a_path_too_long_for_a_socket_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadSettings):
        written(tmp_path / ("long" * 30))


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "asterisk").write_text("in the way")
    with pytest.raises(Trouble) as caught:
        written(tmp_path)
    assert caught.value.status == Exit.MACHINE
