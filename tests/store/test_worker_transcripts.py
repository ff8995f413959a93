"""After the call: one transcript, a suggestion, and a person when the reader fails for good."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from cases.project import PROJECTIONS as CASES
from config.city.load import load as load_city
from config.errors import Trouble
from config.settings import Settings, load
from ivr.work.transcribing import Transcribing
from models import kinds
from models.calls import Call, Transcript
from models.cases import Case
from models.event import Event, happened, now
from models.log import LoggedEvent
from models.store.bus import Bell
from models.store.engine import Store
from models.store.feed import together
from recordings.project import PROJECTIONS as CALLS
from recordings.seal import Sealer

CALL, LEG = "n1-1732450000.12", "n1-1732450000.12.op1.1"
OURS = "7b6a9d2e-54a3-4c9a-8f1e-0d4a5b6c7d8e"
CASE = "20261124-n1-00001"
PHONE = "13905990000"
PROJECTIONS = together(CALLS, CASES)

# Says for each track what it was given; dies, hangs or refuses as the call's folder tells it to.
READER = """
import json, os, sys, pathlib
for line in sys.stdin:
    job = json.loads(line)
    how = pathlib.Path(os.environ["READER_HOW"]).read_text()
    if how == "die": sys.exit(3)
    if how == "refuse": print(json.dumps({"id": job["id"], "error": "读不了"}), flush=True); continue
    said = [
        {"channel": t["channel"], "start": t["shift"], "end": t["shift"] + 1.0, "raw": "raw", "uncertain": False,
         "text": "中山路路灯坏了" if t["channel"] == "citizen" else "好的", "confidence": 0.9,
         "words": [{"start": t["shift"], "end": t["shift"] + 1.0, "text": "路", "confidence": 0.9}]}
        for t in job["tracks"]
    ]
    print(json.dumps({"id": job["id"], "segments": said, "engine": "e", "model": "m", "seconds": 2.0}), flush=True)
"""


class Office:
    """A store, a folder of sound, and the worker's transcribing with a reader that does as it is told."""

    def __init__(self, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.settings: Settings = load(folder)
        self.settings.raw.mkdir(parents=True)
        self.how = folder / "how"
        self.how.write_text("read")
        monkeypatch.setenv("READER_HOW", str(self.how))
        self.stopping = False
        self.city = load_city("shaowu")
        self.bell = Bell(self.settings.run)
        self.made = self.transcribing()

    def transcribing(self, model: Callable[[], Path] | None = None) -> Transcribing:
        return Transcribing(
            self.settings,
            self.city,
            self.store,
            self.bell,
            lambda: self.stopping,
            model=model or (lambda: Path("/model")),
            program=[sys.executable, "-c", READER],
        )

    def told(self, *events: Event) -> None:
        with self.store.transaction() as session:
            for event in events:
                PROJECTIONS[event.kind](session, event)

    def sounded(self, channel: str, seconds: float = 3.0) -> None:
        (self.settings.raw / f"{channel}.raw").write_bytes(bytes(4 * int(8000 * seconds)))
        (self.settings.raw / f"{channel}.done").touch()
        Sealer(self.store, self.settings.raw, self.settings.sealed, "n1").step()

    def transcripts(self) -> list[Transcript]:
        with self.store.reading() as session:
            rows = list(session.scalars(select(Transcript)))
            for row in rows:
                assert row.segments is not None  # loaded while the session is there
            return rows

    def kinds(self) -> list[str]:
        with self.store.reading() as session:
            return list(session.scalars(select(LoggedEvent.kind).order_by(LoggedEvent.seq)))

    def case(self) -> Case:
        with self.store.reading() as session:
            return session.get_one(Case, CASE)


@pytest.fixture
def office(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    made = Office(store, tmp_path / "var", monkeypatch)
    yield made
    made.made.close()
    made.bell.close()


def call_told(*, ended: bool = True, ago: float = 0.0) -> list[Event]:
    at = now() - timedelta(seconds=ago)
    began = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    events = [
        happened(
            "n1",
            f"call:{CALL}",
            kinds.CALL_START,
            direction="in",
            caller=PHONE,
            dialled="110",
            recorder_at=began.isoformat(),
        ),
        happened(
            "n1",
            f"case:{CASE}",
            kinds.CASE_OPENED,
            number=CASE,
            code="1234567",
            call=CALL,
            phone=PHONE,
            owner="op1",
        ),
    ]
    if ended:
        events.append(
            happened(
                "n1", f"call:{CALL}", kinds.CALL_END, at=at, disposition="answered", by="caller", seconds=3.0
            )
        )
    return events


def leg_told() -> list[Event]:
    began = datetime(2026, 11, 24, 10, 0, 1, 500_000, tzinfo=UTC)
    return [
        happened("n1", f"call:{CALL}", kinds.LEG_ANSWER, leg=LEG, recorder_at=began.isoformat()),
        happened("n1", f"call:{CALL}", kinds.CALL_TALK, leg=LEG, operator="op1"),
    ]


def start_of(office: Office) -> None:
    """The beginnings come to the recordings by the events, whichever was first."""
    office.told(*call_told()[:1], *leg_told()[:1])


def test_both_voices_are_read_in_the_calls_time(office: Office) -> None:
    office.told(*call_told(), *leg_told())
    office.sounded(CALL)
    office.sounded(LEG)
    start_of(office)
    assert office.made.step()
    (row,) = office.transcripts()
    assert (row.state, row.engine, row.model, row.tries) == ("done", "e", "m", 1)
    assert [(part.channel, part.start) for part in row.segments] == [("citizen", 0.0), ("operator", 1.5)]
    assert row.segments[0].words == [{"start": 0.0, "end": 1.0, "text": "路", "confidence": 0.9}]
    assert office.kinds().count(kinds.TRANSCRIBED) == 1
    assert not office.made.step()


def test_the_case_gets_its_suggestion_and_keeps_what_a_person_chose(office: Office) -> None:
    office.told(*call_told())
    with office.store.transaction() as session:
        case = session.get_one(Case, CASE)
        case.matter, case.unit = "noise", "police"
    office.sounded(CALL)
    office.made.step()
    case = office.case()
    assert (case.suggested_matter, case.suggested_unit) == ("street_light", "municipal")
    assert (case.matter, case.unit, case.version) == ("noise", "police", 1)
    assert kinds.CASE_SUGGESTED in office.kinds()


def test_a_call_that_goes_on_or_is_not_sealed_waits(office: Office) -> None:
    office.told(*call_told(ended=False))
    assert not office.made.step()
    office.told(call_told()[-1])
    assert not office.made.step()
    assert office.transcripts() == []
    office.sounded(CALL)
    assert office.made.step()


def test_an_operators_sound_is_waited_for_but_not_for_ever(office: Office) -> None:
    office.told(*call_told(), *leg_told())
    office.sounded(CALL)
    assert not office.made.step()
    with office.store.transaction() as session:
        session.get_one(Call, CALL).ended_at = now() - timedelta(minutes=2)
    assert office.made.step()
    (row,) = office.transcripts()
    assert [part.channel for part in row.segments] == ["citizen"]


def test_a_call_without_sound_has_an_empty_transcript(office: Office) -> None:
    office.told(*call_told())
    office.sounded(CALL, 0.2)
    office.how.write_text("die")  # nobody is asked
    assert office.made.step()
    (row,) = office.transcripts()
    assert (row.state, row.segments) == ("done", [])


def test_a_callbacks_callee_is_the_citizen_and_its_case_is_left_alone(office: Office) -> None:
    office.told(
        *call_told()[:2],
        happened("n1", f"call:{OURS}", kinds.CALL_START, direction="out", dialled=PHONE),
        happened("n1", f"call:{OURS}", kinds.CALL_END, disposition="surveyed", by="line", seconds=3.0),
    )
    office.sounded(OURS)
    office.made.step()
    (row,) = office.transcripts()
    assert (row.call_id, [part.channel for part in row.segments]) == (OURS, ["citizen"])
    assert office.case().suggested_matter is None


@pytest.mark.parametrize("how", ["die", "refuse"])
def test_three_failures_mark_it_for_a_person(office: Office, how: str) -> None:
    office.told(*call_told())
    office.sounded(CALL)
    office.how.write_text(how)
    for tries in (1, 2, 3):
        assert office.made.step()
        (row,) = office.transcripts()
        assert row.tries == tries
        assert row.why
        assert not office.made.step()  # it is not tried again at once
        with office.store.transaction() as session:
            session.get_one(Transcript, row.id).next_try_at = None
    assert row.state == "failed"
    assert office.kinds().count(kinds.TRANSCRIPT_FAILED) == 1
    office.how.write_text("read")
    assert not office.made.step()


def test_a_crash_costs_a_try_and_nothing_else(office: Office) -> None:
    office.told(*call_told())
    office.sounded(CALL)
    office.how.write_text("die")
    office.made.step()
    office.how.write_text("read")
    with office.store.transaction() as session:
        session.scalars(select(Transcript)).one().next_try_at = None
    office.made.step()
    (row,) = office.transcripts()
    assert (row.state, row.tries, row.why) == ("done", 2, "")


def test_without_a_model_the_transcript_waits(office: Office) -> None:
    office.told(*call_told())
    office.sounded(CALL)
    looked = []

    def missing() -> Path:
        looked.append(1)
        raise Trouble("no model")

    waiting = office.transcribing(missing)
    assert not waiting.step()
    assert not waiting.step()
    assert len(looked) == 1  # looked for again only later
    (row,) = office.transcripts()
    assert (row.state, row.tries) == ("waiting", 0)


def test_a_reading_cut_off_by_the_end_is_no_failure(office: Office) -> None:
    office.told(*call_told())
    office.sounded(CALL)
    office.how.write_text("die")
    asked = []

    def stopping() -> bool:  # the end comes while the reader reads
        asked.append(1)
        return len(asked) > 1

    cut = Transcribing(
        office.settings,
        office.city,
        office.store,
        office.bell,
        stopping,
        model=lambda: Path("/model"),
        program=[sys.executable, "-c", READER],
    )
    assert not cut.step()
    (row,) = office.transcripts()
    assert (row.state, row.tries) == ("waiting", 0)
