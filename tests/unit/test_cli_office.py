"""The office's commands on a small real store: what they show, what they change, what they refuse."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy
import pytest
import soundfile
from sqlalchemy import select

from config.city.load import load as load_city
from config.errors import Exit, Refused
from ivr.cli import calls
from ivr.cli.main import status_of
from ivr.seats import ensure
from models import kinds
from models.calls import Call, Recording
from models.cases import Callback, Case, Operator
from models.log import LoggedEvent
from models.store.engine import Store, open_store
from models.store.migrate import upgrade
from recordings.seal import recording_id

AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
NUMBER, CALL = "20261124-n1-00001", "n1-1795500000.1"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("MINSHENG_VAR", str(tmp_path))
    monkeypatch.setenv("MINSHENG_LANGUAGE", "zh")
    made = open_store(f"sqlite:///{tmp_path}/store/minsheng.db")
    upgrade(made)
    city = load_city("shaowu")
    sound = tmp_path / "recordings" / "sealed" / "one.flac"
    sound.parent.mkdir(parents=True)
    soundfile.write(sound, numpy.zeros((8000, 2), "int16"), 8000)
    with made.transaction() as session:
        session.add(
            Call(
                id=CALL, node="n1", direction="in", number="13859912345", dialled="110", started_at=AT,
                talk_at=AT, seconds=1.0, disposition="answered", operator="op1", case_number=NUMBER,
            )
        )  # fmt: skip
        session.add(
            Recording(
                id=recording_id(CALL), channel=CALL, call_id=CALL, kind="call", path="one.flac", codec="flac",
                rate=8000, channels=2, seconds=1.0, starts_at=AT, pcm_sha256="0" * 64, file_sha256="0" * 64,
                bytes=sound.stat().st_size, sealed_at=AT + timedelta(seconds=2),
            )
        )  # fmt: skip
        session.add(
            Case(
                number=NUMBER, code="1234567", phone="13859912345", callback_phone="13859912345", call_id=CALL,
                opened_at=AT, state="open", kind="civic", priority="ordinary", owner=city.supervisor.id,
                suggested_matter="street_light", suggested_unit=city.matter("street_light").lead,
            )
        )  # fmt: skip
    return made


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """The one JSON object of a command that went well."""
    assert status_of([*arguments, "--json"]) == Exit.OK
    return json.loads(capsys.readouterr().out)


def test_lists_and_details_are_one_json_object_each(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert [call["id"] for call in shown(capsys, "call", "list")["calls"]] == [CALL]
    assert [case["number"] for case in shown(capsys, "case", "list")["cases"]] == [NUMBER]
    assert shown(capsys, "call", "show", CALL)["recordings"][0]["channels"] == 2
    assert shown(capsys, "case", "show", NUMBER)["case"]["state"] == "open"
    assert shown(capsys, "callback", "list") == {"callbacks": []}
    assert shown(capsys, "config", "check")["ok"] is True


def test_people_read_tables_with_whole_ids(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["call", "list"]) == Exit.OK
    assert CALL in capsys.readouterr().out
    assert status_of(["case", "list"]) == Exit.OK
    assert NUMBER in capsys.readouterr().out


def test_a_case_goes_from_unit_to_unit_and_is_closed_by_hand(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    lead = load_city("shaowu").matter("street_light").lead
    assigned = shown(capsys, "case", "assign", NUMBER)["case"]
    assert (assigned["state"], assigned["unit"], assigned["matter"]) == ("assigned", lead, "street_light")
    assert shown(capsys, "case", "accept", NUMBER)["case"]["state"] == "accepted"
    assert shown(capsys, "case", "resolve", NUMBER, "--result", "已修好")["case"]["state"] == "resolved"
    reopened = shown(capsys, "case", "reopen", NUMBER, "--reason", "又坏了", "--supervised")["case"]
    assert (reopened["state"], reopened["supervised"]) == ("reopened", True)
    closed = shown(capsys, "case", "close", NUMBER, "--note", "市民当面确认")["case"]
    assert (closed["state"], closed["ground"]) == ("closed", "supervisor_reason")
    history = shown(capsys, "case", "show", NUMBER)["history"]
    assert [event["body"]["step"] for event in history] == ["assign", "accept", "resolve", "reopen", "close"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["case", "show", "20261124-n1-99999"], Exit.NOT_FOUND, "没有工单 20261124-n1-99999"),
        (["case", "accept", "rubbish"], Exit.NOT_FOUND, "没有工单 rubbish"),
        (["case", "accept", NUMBER], Exit.REFUSED, "不能受理"),
        (["case", "close", NUMBER], Exit.REFUSED, "理由"),
        (["case", "close", NUMBER, "--ground", "citizen_confirmed"], Exit.REFUSED, "还没有确认"),
        (["case", "assign", NUMBER, "--unit", "nasa"], Exit.NOT_FOUND, "nasa"),
        (["call", "show", "n1-1.1"], Exit.NOT_FOUND, "没有这个通话"),
        (["call", "play", "n1-1.1"], Exit.NOT_FOUND, "没有这个通话"),
        (["operator", "remove", "op9"], Exit.NOT_FOUND, "op9"),
        (["operator", "add", "Op 1", "--name", "甲", "--number", "1"], Exit.SETTINGS, "账号"),
    ],
)
def test_what_is_unknown_or_against_the_rules_is_one_sentence_and_changes_nothing(
    arguments: list[str], status: Exit, sentence: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(arguments) == status
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and sentence in lines[0]
    with store.reading() as session:
        assert session.scalars(select(Case.state)).all() == ["open"]
        assert session.scalars(select(LoggedEvent)).all() == []


def test_hearing_a_recording_leaves_a_trace(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "heard.flac"
    assert shown(capsys, "call", "play", CALL, "--save", str(saved))["path"] == str(saved)
    assert soundfile.info(str(saved)).channels == 2
    with store.reading() as session:
        trace = session.scalars(select(LoggedEvent)).one()
    assert (trace.kind, trace.stream) == (kinds.REPLAYED, f"call:{CALL}")
    assert trace.body["who"].startswith("cli:")


def test_a_sound_that_cannot_be_saved_is_one_sentence_and_leaves_no_trace_of_a_hearing(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no directory")
    for place, status in (
        (tmp_path / "nowhere" / "x.flac", Exit.MACHINE),
        (tmp_path / "file" / "x.flac", Exit.MACHINE),
        (tmp_path, Exit.USAGE),
    ):
        assert status_of(["call", "play", CALL, "--save", str(place)]) == status
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1 and str(place) in lines[0]
    with store.reading() as session:
        assert session.scalars(select(LoggedEvent)).all() == []


def test_a_hearing_that_leaves_no_trace_gives_out_no_sound(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusing(*_arguments: Any, **_more: Any) -> None:
        raise Refused("不行")

    monkeypatch.setattr(calls.catalogue, "replayed", refusing)
    (tmp_path / "out").mkdir()
    assert status_of(["call", "play", CALL, "--save", str(tmp_path / "out" / "x.flac")]) == Exit.REFUSED
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("language", "call", "why", "outcome", "role"),
    [
        ("zh", "有人接听", "警情由民警回访", "问完", "接警员"),
        ("en", "a person answered", "a police matter", "all asked", "Operator"),
    ],
)
def test_tables_say_words_and_not_the_values_of_the_store(
    language: str, call: str, why: str, outcome: str, role: str,
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("MINSHENG_LANGUAGE", language)
    with store.transaction() as session:
        for state, person, found in (("person", "police", None), ("done", "", "completed")):
            session.add(
                Callback(
                    id=uuid4(), case_number=NUMBER, phone="13859912345", state=state, why_person=person,
                    disposition=found, due_at=AT, planned_at=AT,
                )
            )  # fmt: skip
    ensure(store, "n1", first=1)
    assert status_of(["call", "list"]) == Exit.OK
    assert call in capsys.readouterr().out
    assert status_of(["callback", "list", "--all"]) == Exit.OK
    shown = capsys.readouterr().out
    assert why in shown and outcome in shown
    assert status_of(["operator", "list"]) == Exit.OK
    assert role in capsys.readouterr().out


def test_a_recording_whose_file_went_is_said_to_be_gone(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recordings" / "sealed" / "one.flac").unlink()
    assert status_of(["call", "play", CALL]) == Exit.NOT_FOUND
    assert "one.flac" in capsys.readouterr().err


def test_a_store_of_an_older_program_says_what_to_do(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.close()
    (tmp_path / "store" / "minsheng.db").unlink()
    (tmp_path / "store" / "minsheng.db").touch()
    assert status_of(["case", "list"]) == Exit.MACHINE
    assert "minsheng run" in capsys.readouterr().err


def test_a_damaged_store_is_named(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.close()
    for file in (tmp_path / "store").iterdir():
        file.write_bytes(b"not a database" * 1000)
    assert status_of(["case", "list"]) == Exit.MACHINE
    assert "损坏" in capsys.readouterr().err


def test_operators_come_and_go_but_their_name_stays(store: Store) -> None:
    from ivr import seats

    first = seats.ensure(store, "n1", first=2)
    assert [seat.id for seat in first] == ["op1", "op2"]
    with store.transaction() as session:
        seats.remove(session, "op2", node="n1", by=str(uuid4()))
    assert [seat.id for seat in seats.ensure(store, "n1")] == ["op1"]
    with store.reading() as session:
        assert session.get(Operator, "op2") is not None
