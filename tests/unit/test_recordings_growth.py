"""A live recording that stops growing is noticed, once."""

from __future__ import annotations

from pathlib import Path

from recordings.growth import Growth, live

CALL = "n1-1732450000.12"
SECOND = bytes(32_768)  # what the recorder writes each 1.02 s


def watched(raw: Path) -> Growth:
    """All files are in somebody's hands."""
    return Growth(raw, lambda: {path.resolve() for path in raw.iterdir()})


def grow(raw: Path, channel: str = CALL) -> None:
    with (raw / f"{channel}.raw").open("ab") as file:
        file.write(SECOND)


def test_a_file_that_grows_is_no_alarm(tmp_path: Path) -> None:
    growth = watched(tmp_path)
    for second in range(10):
        grow(tmp_path)
        assert growth.look(second * 1.02) == []


def test_a_stall_is_told_once_and_its_end_with_the_gap(tmp_path: Path) -> None:
    growth = watched(tmp_path)
    grow(tmp_path)
    growth.look(0.0)
    assert growth.look(2.0) == []
    (stall,) = growth.look(2.2)
    assert (stall.channel, stall.gap) == (CALL, None)
    assert growth.look(30.0) == []
    grow(tmp_path)
    (again,) = growth.look(31.0)
    assert again.gap == 31.0
    grow(tmp_path)
    assert growth.look(32.0) == []


def test_each_stall_is_told(tmp_path: Path) -> None:
    growth = watched(tmp_path)
    grow(tmp_path)
    growth.look(0.0)
    first = growth.look(3.0)
    grow(tmp_path)
    growth.look(4.0)
    second = growth.look(7.0)
    assert [stall.gap for stall in first + second] == [None, None]


def test_a_call_not_yet_claimed_has_longer(tmp_path: Path) -> None:
    growth = watched(tmp_path)
    (tmp_path / f"{CALL}.raw").touch()
    growth.look(0.0)
    assert growth.look(3.0) == []
    assert len(growth.look(3.6)) == 1


def test_a_closed_file_is_no_longer_watched(tmp_path: Path) -> None:
    growth = watched(tmp_path)
    grow(tmp_path)
    growth.look(0.0)
    (tmp_path / f"{CALL}.done").touch()
    assert growth.look(60.0) == []
    assert live(tmp_path) == {}


def test_a_file_nobody_holds_is_not_a_live_one(tmp_path: Path) -> None:
    growth = Growth(tmp_path, set)
    grow(tmp_path)
    growth.look(0.0)
    assert growth.look(60.0) == []
