"""Units of work mean the same on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from config.errors import BadSettings
from models.cases import Citizen
from models.event import Event, happened
from models.log import LoggedEvent
from models.store.engine import Store, open_store
from models.store.errors import Conflict, StoreAway, StoreDamaged
from models.store.log import events, record
from models.store.retry import retrying, swap


def test_a_block_that_ends_well_is_kept_and_one_that_raises_is_not(store: Store) -> None:
    with store.transaction() as session:
        session.add(Citizen(phone="1"))
    with pytest.raises(ZeroDivisionError), store.transaction() as session:
        session.add(Citizen(phone="2"))
        session.flush()
        raise ZeroDivisionError
    with store.reading() as session:
        assert session.scalars(select(Citizen.phone)).all() == ["1"]


def test_what_was_loaded_stays_readable_after_the_block(store: Store) -> None:
    with store.transaction() as session:
        citizen = Citizen(phone="1", marks={"语言": "邵武话"})
        session.add(citizen)
    assert citizen.marks == {"语言": "邵武话"}
    with store.reading() as session:
        read = session.get_one(Citizen, "1")
    assert read.marks == {"语言": "邵武话"} and read.nuisance is False


def test_reading_cannot_write(store: Store) -> None:
    with pytest.raises((DBAPIError, StoreAway)), store.reading() as session:
        session.execute(text("INSERT INTO spool_cursor (node, spool, last_row) VALUES ('n', 's', 1)"))
    with store.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM spool_cursor")).scalar_one() == 0


def test_reading_sees_one_snapshot(store: Store) -> None:
    with store.reading() as session:
        before = session.scalars(select(Citizen.phone)).all()
        with store.transaction() as other:
            other.add(Citizen(phone="1"))
        assert session.scalars(select(Citizen.phone)).all() == before == []


def test_times_come_back_aware_and_to_the_microsecond(store: Store) -> None:
    at = datetime(2026, 2, 3, 4, 5, 6, 789123, tzinfo=UTC)
    with store.transaction() as session:
        record(session, happened("n1", "call:1", "CallKey", at=at, digit="1"))
    with store.reading() as session:
        (event,) = events(session, "call:1")
    assert event.at == at and event.at.tzinfo is not None


def test_a_naive_time_is_refused(store: Store) -> None:
    event = Event(id=happened("n1", "", "").id, at=datetime(2026, 1, 1), node="n1", stream="s", kind="k")
    with pytest.raises(Exception, match="naive"), store.transaction() as session:
        record(session, event)


def test_the_text_of_a_body_is_kept_as_it_was_written(store: Store) -> None:
    body: dict[str, Any] = {"z": 1, "a": [1.5, True, None], "文": "一\x00二😀"}
    with store.transaction() as session:
        record(session, happened("n1", "call:1", "CallKey", **body))
    with store.reading() as session:
        (event,) = events(session, "call:1")
        written = session.execute(text("SELECT CAST(body AS TEXT) FROM event")).scalar_one()
    assert event.body == body
    assert written == '{"z":1,"a":[1.5,true,null],"文":"一\\u0000二😀"}'


def test_the_same_event_twice_is_an_integrity_error_and_changes_nothing(store: Store) -> None:
    event = happened("n1", "call:1", "CallKey")
    with store.transaction() as session:
        record(session, event)
    with pytest.raises(IntegrityError), store.transaction() as session:
        session.add(Citizen(phone="1"))
        record(session, event)
    with store.reading() as session:
        assert session.scalars(select(Citizen)).all() == []


def test_events_of_one_moment_keep_the_order_they_arrived_in(store: Store) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    kinds = [f"k{number}" for number in range(20)]
    with store.transaction() as session:
        for kind in kinds:
            record(session, happened("n1", "call:1", kind, at=at))
    with store.reading() as session:
        assert [event.kind for event in events(session, "call:1")] == kinds


def test_two_who_read_before_they_write_cannot_both_win(store: Store) -> None:
    """A rule like *at most one* holds by itself: writing is serial on both databases."""
    both_read = threading.Barrier(2, timeout=1.0)
    outcomes: list[str] = []

    def claim(name: str) -> None:
        try:
            with store.transaction() as session:
                free = session.scalars(select(Citizen.phone)).all() == []
                try:
                    both_read.wait()  # on SQLite the second cannot even begin
                except threading.BrokenBarrierError:
                    outcomes.append("alone")
                if free:
                    session.add(Citizen(phone=name))
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=claim, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as session:
        assert len(session.scalars(select(Citizen.phone)).all()) == 1
    assert outcomes == ["conflict"] or "conflict" not in outcomes


def test_retrying_loses_no_increment(store: Store) -> None:
    with store.transaction() as session:
        session.add(Citizen(phone="1", marks={"n": 0}))

    def increment() -> None:
        def work(session) -> None:  # type: ignore[no-untyped-def]
            citizen = session.get_one(Citizen, "1")
            citizen.marks = {"n": citizen.marks["n"] + 1}

        for _ in range(5):
            retrying(store, work, tries=30)

    threads = [threading.Thread(target=increment) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as session:
        assert session.get_one(Citizen, "1").marks == {"n": 15}


def test_swap_changes_a_row_only_as_it_was_seen(store: Store) -> None:
    with store.transaction() as session:
        citizen = Citizen(phone="1", safe_from="09:00")
        session.add(citizen)
        session.flush()
        assert swap(session, Citizen, {"phone": "1", "safe_from": "09:00"}, {"safe_from": "10:00"})
        assert citizen.safe_from == "10:00"
        assert not swap(session, Citizen, {"phone": "1", "safe_from": "09:00"}, {"safe_from": "11:00"})
    with store.reading() as session:
        assert session.get_one(Citizen, "1").safe_from == "10:00"


def test_a_number_of_arrival_is_never_used_again(store: Store) -> None:
    with store.transaction() as session:
        record(session, happened("n1", "call:1", "a"))
        first = session.scalars(select(LoggedEvent.seq)).one()
    with store.transaction() as session:
        session.execute(text("DELETE FROM event"))
    with store.transaction() as session:
        record(session, happened("n1", "call:1", "b"))
        assert session.scalars(select(LoggedEvent.seq)).one() > first


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "postgresql://h:port/x"]
)
def test_an_address_that_is_none_is_a_setting_to_mend(url: str) -> None:
    with pytest.raises(BadSettings):
        open_store(url)


def test_a_server_that_does_not_answer_is_one_sentence_without_the_password() -> None:
    store = open_store("postgresql://someone:s3cret@127.0.0.1:9/none")
    with pytest.raises(StoreAway) as caught:
        store.check()
    assert "\n" not in str(caught.value) and "s3cret" not in str(caught.value)


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "minsheng.db"
    path.write_bytes(b"not a database at all" * 500)
    with pytest.raises(StoreDamaged):
        open_store(f"sqlite:///{path}").check()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreAway):
        open_store(f"sqlite:///{tmp_path}/file/sub/minsheng.db")
