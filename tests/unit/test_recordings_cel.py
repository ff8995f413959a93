"""Asterisk's own list of calls is read on, through rotation and damage."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recordings.cel import Cel

CALL, LEG, OURS = "n1-1732450000.12", "n1-1732450000.13", "7b6a9d2e-54a3-4c9a-8f1e-0d4a5b6c7d8e"


def line(kind: str, channel: str, call: str = "", context: str = "ms-110", at: float = 1732450000.5) -> str:
    told = {
        "EventType": kind,
        "EventTime": str(at),
        "Num": "13900000000",
        "Exten": "110",
        "Context": context,
        "UniqueID": channel,
        "LinkedID": call or channel,
    }
    return json.dumps(told) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cel.json"


def test_a_call_from_outside_counts_from_its_first_event(path: Path) -> None:
    path.write_text(line("CHAN_START", CALL))
    (seen,) = Cel(path).look()
    assert (seen.call, seen.dialled, seen.answered) == (CALL, "110", None)
    assert seen.at == datetime.fromtimestamp(1732450000.5, UTC)


def test_legs_are_no_calls_but_their_call_is_known(path: Path) -> None:
    path.write_text(
        line("CHAN_START", CALL)
        + line("CHAN_START", LEG, CALL, "ms-operator")
        + line("CHAN_START", f"{CALL}.op1.1", "", "ms-operator")
    )
    cel = Cel(path)
    assert [seen.call for seen in cel.look()] == [CALL]
    assert cel.call_of(LEG) == CALL
    assert cel.call_of(f"{CALL}.op1.1") == CALL
    assert cel.call_of("n1-1732450000.99") == "n1-1732450000.99"


def test_a_call_of_ours_counts_once_somebody_answered(path: Path) -> None:
    path.write_text(line("CHAN_START", OURS, context="ms-110"))
    cel = Cel(path)
    assert cel.look() == []
    with path.open("a") as file:
        file.write(line("ANSWER", OURS, context="ms-callback"))
    assert [seen.call for seen in cel.look()] == [OURS]


def test_answer_and_end_are_the_citizens(path: Path) -> None:
    path.write_text(
        line("CHAN_START", CALL)
        + line("ANSWER", CALL, at=1732450001)
        + line("CHAN_END", LEG, CALL, at=1732450005)
        + line("CHAN_END", CALL, at=1732450009)
    )
    (seen,) = Cel(path).look()
    assert seen.answered == datetime.fromtimestamp(1732450001, UTC)
    assert seen.ended == datetime.fromtimestamp(1732450009, UTC)


def test_a_half_written_line_is_read_when_it_is_whole(path: Path) -> None:
    whole = line("CHAN_START", CALL)
    path.write_text(whole[:40])
    cel = Cel(path)
    assert cel.look() == []
    with path.open("a") as file:
        file.write(whole[40:])
    assert [seen.call for seen in cel.look()] == [CALL]
    assert cel.damaged == 0


def test_damage_is_counted_and_passed_over(path: Path) -> None:
    path.write_text("{rubbish\n[]\n\n" + line("CHAN_START", CALL))
    cel = Cel(path)
    assert [seen.call for seen in cel.look()] == [CALL]
    assert cel.damaged == 2


@pytest.mark.parametrize("how", ["renamed", "emptied", "packed"])
def test_rotation_loses_and_doubles_nothing(path: Path, how: str) -> None:
    path.write_text(line("CHAN_START", CALL))
    cel = Cel(path)
    cel.look()
    with path.open("a") as file:
        file.write(line("CHAN_END", CALL, at=1732450009))
    if how == "emptied":
        cel.look()
        path.with_name("cel.json.1").write_bytes(path.read_bytes())
        path.write_text("")
        cel.look()
        path.write_text(line("CHAN_START", "n1-1732450000.20", at=1732450020))
    elif how == "renamed":
        path.rename(path.with_name("cel.json.1"))
        path.write_text(line("CHAN_START", "n1-1732450000.20", at=1732450020))
    else:
        path.with_name("cel.json-20261124.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.write_text(line("CHAN_START", "n1-1732450000.20", at=1732450020))
    first, second = cel.look()
    assert (first.call, second.call) == (CALL, "n1-1732450000.20")
    assert first.ended is not None


def test_no_list_yet_means_no_calls(path: Path) -> None:
    assert Cel(path).look() == []
