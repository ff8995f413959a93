"""The demo's story: what is told, in which order, and when it counts as having ended as asked."""

from __future__ import annotations

import io
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import soundfile
from rich.console import Console

from config.city.load import load as load_city
from config.errors import NotFound, Trouble
from config.language import _
from config.settings import load as load_settings
from demo.story_lines import cast
from demo.story_log import retell
from demo.story_office import Office
from demo.story_result import Options, Result, judge
from demo.story_words import Names, summary
from demo.timeline import Timeline
from models import kinds
from models.event import happened, now
from models.log import LoggedEvent
from models.store.engine import open_store
from models.store.log import record
from models.store.migrate import upgrade


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_LANGUAGE", "zh")


@pytest.fixture(scope="module")
def names() -> Names:
    return Names(load_city("shaowu"), {"op1": "接警员一"})


def logged(kind: str, **body: object) -> LoggedEvent:
    return LoggedEvent(id=uuid4(), at=now(), node="n1", stream="call:x", kind=kind, body=body)


def ended(**changes: object) -> Result:
    """A story in which everything went well, but for `changes`."""
    result = Result(
        call={"disposition": "answered", "seconds": 30.0, "operator": "op1"},
        recording={"path": "/x.flac", "sha256": "ab"},
        transcript=[{"channel": "citizen", "text": "路灯坏了"}],
        case={
            "number": "20261124-n1-00001",
            "state": "closed",
            "unit": "municipal",
            "owner": "op1",
            "history": [],
        },
        callbacks=[{"attempts": 1, "disposition": "completed", "solved": True}],
    )
    for name, value in changes.items():
        setattr(result, name, value)
    return result


def verdict(result: Result, **options: object) -> str:
    return judge(result, Options(**options), speechless=False, attempts=3)  # type: ignore[arg-type]


def test_a_solved_case_that_closed_is_as_asked() -> None:
    assert verdict(ended()) == ""


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"call": {"disposition": "abandoned"}}, {}),
        ({"recording": {}}, {}),
        ({"transcript": []}, {}),
        ({"case": {"state": "resolved", "history": []}}, {}),
        ({"callbacks": [{"attempts": 1, "solved": False}]}, {}),
        ({}, {"operator": "none"}),
        ({}, {"answer": "unsolved"}),
        ({"case": {"state": "reopened", "history": []}}, {"answer": "unsolved"}),
        ({"case": {"state": "resolved", "history": []}}, {"answer": "unanswered"}),
    ],
)
def test_each_departure_from_the_options_is_named(
    changes: dict[str, object], options: dict[str, object]
) -> None:
    assert verdict(ended(**changes), **options) != ""


def test_an_unsolved_case_must_be_reopened_and_supervised() -> None:
    step = {"event": kinds.CASE_STEP, "step": "reopen", "supervised": True}
    result = ended(
        case={"state": "reopened", "history": [step]}, callbacks=[{"attempts": 1, "solved": False}]
    )
    assert verdict(result, answer="unsolved") == ""


@pytest.mark.parametrize("answer", ["silent", "unanswered"])
def test_without_an_answer_it_stays_resolved_after_all_attempts(answer: str) -> None:
    three = [{"attempts": 3, "disposition": None, "solved": None}]
    assert verdict(ended(case={"state": "resolved", "history": []}, callbacks=three), answer=answer) == ""


def test_words_nobody_said_are_a_departure() -> None:
    assert judge(ended(), Options(), speechless=True, attempts=3) != ""


def test_the_result_is_the_json_of_the_demo() -> None:
    assert list(ended().result) == ["call", "recording", "transcript", "case", "callbacks"]


def test_events_are_told_with_the_names_of_people_and_units(names: Names) -> None:
    step = logged(kinds.CASE_STEP, step="assign", by="op1", unit="municipal", matter="street_light")
    told = retell(names, step)
    assert told is not None
    assert told[0] == "office"
    assert "接警员一" in told[1]
    assert names.unit("municipal") in told[1]


@pytest.mark.parametrize(
    "step", ["assign", "accept", "resolve", "reopen", "confirm", "close", "claim", "unheard_of"]
)
def test_every_step_has_words(names: Names, step: str) -> None:
    told = retell(names, logged(kinds.CASE_STEP, step=step))
    assert told is not None
    assert told[1]


def test_what_would_only_bore_is_not_told(names: Names) -> None:
    assert retell(names, logged(kinds.SEAT_STATE, state="NOT_INUSE")) is None
    assert retell(names, logged(kinds.CALL_STAGE, stage="greeting")) is None


def test_lines_are_printed_in_the_order_in_which_things_happened() -> None:
    out = io.StringIO()
    timeline = Timeline(Console(file=out, width=80))
    timeline.begin()
    timeline.tell("line", "third", at=time.monotonic())
    timeline.tell_at("office", "first", now() - timedelta(seconds=9))
    timeline.tell("citizen", "second", at=time.monotonic() - 5)
    timeline.chapter("end")
    words = [word for word in out.getvalue().split() if word in ("first", "second", "third", "end")]
    assert words == ["first", "second", "third", "end"]


def test_in_a_file_each_moment_is_one_line_and_a_path_stays_whole() -> None:
    out = io.StringIO()
    timeline = Timeline(Console(file=out, width=80))
    timeline.begin()
    timeline.chapter("一、来电")
    timeline.tell("citizen", "说：“" + "门口的路灯坏了，" * 20 + "”")
    path = "/var/lib/" + "minsheng/" * 20 + "one.flac"
    timeline.ending("五、结果", [("录音", f"{path}\nSHA-256 ab")])
    lines = out.getvalue().splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    assert lines[1] == "一、来电"
    assert sum("路灯" in line for line in lines) == 1
    assert f"录音  {path}" in lines


def test_english_lines_have_english_punctuation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_LANGUAGE", "en")
    assert _("{who}：{text}{doubt}", who="Citizen", text="the lamp", doubt="") == "Citizen: the lamp"


def test_a_demo_tells_only_of_calls_that_began_in_it(tmp_path: Path, names: Names) -> None:
    settings = load_settings(tmp_path)
    store = open_store(settings.store_url)
    upgrade(store)
    out = io.StringIO()
    timeline = Timeline(Console(file=out))
    office = Office(settings, load_city("shaowu"), store, timeline)
    office.names = names

    def log(stream: str, kind: str, **body: object) -> None:
        with store.transaction() as session:
            record(session, happened("n1", stream, kind, **body))

    log("call:n1-1.1", kinds.CALL_START)
    office.begin()
    timeline.begin()
    log("call:n1-1.1", kinds.TRANSCRIBED, engine="of the last demo", model="whisper-base")
    log("call:n1-2.1", kinds.CALL_START)
    log("call:n1-2.1", kinds.TRANSCRIBED, engine="of this demo", model="whisper-base")
    office.look()
    timeline.flush(everything=True)
    store.close()
    assert "of this demo" in out.getvalue()
    assert "of the last demo" not in out.getvalue()


def test_without_a_console_nothing_is_printed(capsys: pytest.CaptureFixture[str], names: Names) -> None:
    timeline = Timeline(None)
    timeline.tell("line", "unheard")
    timeline.ending("end", summary(ended(), names))
    assert capsys.readouterr().out == ""


def test_the_shipped_lines_are_all_there() -> None:
    parts = cast(None)
    for path in (parts.citizen.matter, *parts.citizen.replies, *parts.operator.answers, parts.operator.hello):
        assert path.is_file()
        assert parts.words[str(path)]
    assert not parts.citizen.speechless


def test_a_sound_without_a_voice_is_known_as_such(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nothing.wav", np.zeros(16000, dtype=np.float32), 16000)
    assert cast(tmp_path / "nothing.wav").citizen.speechless


def test_a_file_that_is_not_there_or_no_sound_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none\.wav"):
        cast(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("not a sound")
    with pytest.raises(Trouble, match=r"text\.wav"):
        cast(tmp_path / "text.wav")
