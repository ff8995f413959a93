"""From the spool to the store: every event exactly once, in order, whatever breaks on the way."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.cases import Citizen
from models.event import Event, found, happened, now
from models.log import LoggedEvent, RefusedEvent, SpoolCursor
from models.store import engine
from models.store.engine import Store, open_store
from models.store.errors import Conflict, Retryable
from models.store.feed import Feed, together
from models.store.spool import Spool


class Crash(BaseException):
    """The process dies here."""


def spooled(path: Path, events: list[Event], node: str = "n1") -> Path:
    spool = Spool(path, node)
    spool.start()
    for event in events:
        spool.put(event)
    assert spool.stop()
    return path


def notes(session: Session, event: Event) -> None:
    """A projection that repeats are seen in: it writes down every event it is given."""
    citizen = session.get(Citizen, event.stream)
    if citizen is None:
        session.add(citizen := Citizen(phone=event.stream, marks={"seen": []}))
    citizen.marks = {"seen": [*citizen.marks["seen"], str(event.id)]}


def seen(store: Store, stream: str = "call:1") -> list[str]:
    with store.reading() as session:
        citizen = session.get(Citizen, stream)
        return [] if citizen is None else list(citizen.marks["seen"])


def logged(store: Store) -> list[str]:
    with store.reading() as session:
        return [
            str(event_id) for event_id in session.scalars(select(LoggedEvent.id).order_by(LoggedEvent.seq))
        ]


def keys(number: int, kind: str = "CallKey") -> list[Event]:
    return [happened("n1", "call:1", kind, digit=str(index)) for index in range(number)]


def ids(events: list[Event]) -> list[str]:
    return [str(event.id) for event in events]


def test_every_event_arrives_once_and_in_order(store: Store, tmp_path: Path) -> None:
    events = keys(25)
    feed = Feed(store, spooled(tmp_path / "spool.db", events), "n1", {"CallKey": notes})
    assert [feed.step(10) for _ in range(4)] == [10, 10, 5, 0]
    assert seen(store) == logged(store) == ids(events)
    with store.reading() as session:
        row = session.scalars(select(LoggedEvent).order_by(LoggedEvent.seq).limit(1)).one()
        assert (row.node, row.stream, row.kind, row.body) == ("n1", "call:1", "CallKey", {"digit": "0"})
        assert row.at == events[0].at and row.spool_row == 1 and row.spool


def test_another_feed_goes_on_where_the_first_one_stopped(store: Store, tmp_path: Path) -> None:
    events = keys(9)
    path = spooled(tmp_path / "spool.db", events)
    assert Feed(store, path, "n1", {"CallKey": notes}).step(4) == 4
    assert Feed(store, path, "n1", {"CallKey": notes}).step(500) == 5
    assert Feed(store, path, "n1", {"CallKey": notes}).step(500) == 0
    assert seen(store) == ids(events)


def test_an_event_already_in_the_store_is_skipped(store: Store, tmp_path: Path) -> None:
    """Found twice (in the CDR and on the spool), stored once."""
    event = found("n1", "attempt:1", "AttemptOutcome", 1, at=now(), outcome="busy")
    Feed(store, spooled(tmp_path / "one.db", [event]), "n1", {"AttemptOutcome": notes}).step()
    Feed(store, spooled(tmp_path / "two.db", [event]), "n2", {"AttemptOutcome": notes}).step()
    assert seen(store, "attempt:1") == logged(store) == [str(event.id)]


def test_a_kind_without_a_projection_is_in_the_duty_log_all_the_same(store: Store, tmp_path: Path) -> None:
    events = keys(2)
    assert Feed(store, spooled(tmp_path / "spool.db", events), "n1", {}).step() == 2
    assert logged(store) == ids(events)


def test_an_event_that_cannot_be_applied_is_kept_aside_and_the_rest_goes_on(
    store: Store, tmp_path: Path
) -> None:
    def halfway(session: Session, event: Event) -> None:
        notes(session, event)
        session.flush()
        raise LookupError("no such call\x00")

    good, bad = keys(2), keys(1, "Bad")
    path = spooled(tmp_path / "spool.db", [good[0], *bad, good[1]])
    assert Feed(store, path, "n1", {"CallKey": notes, "Bad": halfway}).step() == 3
    assert seen(store) == logged(store) == ids(good)
    with store.reading() as session:
        refused = session.scalars(select(RefusedEvent)).one()
    assert Event.decode(refused.data) == bad[0]
    assert refused.why == "LookupError: no such call" and (refused.node, refused.spool_row) == ("n1", 2)


def test_a_broken_constraint_refuses_its_event_only(store: Store, tmp_path: Path) -> None:
    def orphan(session: Session, event: Event) -> None:
        session.execute(
            sa.text(
                "INSERT INTO leg (id, call_id, role, started_at) VALUES ('l', 'none', 'operator', '2026-01-01')"
            )
        )

    events = [*keys(1), *keys(1, "Bad"), *keys(1)]
    Feed(store, spooled(tmp_path / "spool.db", events), "n1", {"CallKey": notes, "Bad": orphan}).step()
    assert seen(store) == [str(events[0].id), str(events[2].id)]
    with store.reading() as session:
        assert len(session.scalars(select(RefusedEvent)).all()) == 1
        # no telephone number may reach the reason by way of the statement's values
        assert "parameters" not in session.scalars(select(RefusedEvent.why)).one().replace(
            "hide_parameters", ""
        )


@pytest.mark.parametrize("damage", ["data = X'7B00FF'", "data = X''", "id = X'01'", "data = 'text'"])
def test_damaged_bytes_are_kept_aside_and_the_rest_goes_on(store: Store, tmp_path: Path, damage: str) -> None:
    events = keys(3)
    path = spooled(tmp_path / "spool.db", events)
    with sqlite3.connect(path) as sql:
        sql.execute(f"UPDATE event SET {damage} WHERE row = 2")
    feed = Feed(store, path, "n1", {"CallKey": notes})
    assert feed.step() == 3 and feed.step() == 0
    if damage.startswith("data"):
        assert seen(store) == [str(events[0].id), str(events[2].id)]
        with store.reading() as session:
            assert session.scalars(select(RefusedEvent.spool_row)).all() == [2]
    else:
        assert seen(store) == ids(events)  # what it says is whole


def test_no_spool_yet_is_nothing_new(store: Store, tmp_path: Path) -> None:
    assert Feed(store, tmp_path / "none.db", "n1", {}).step() == 0
    (tmp_path / "rubbish.db").write_bytes(b"rubbish" * 1_000)
    assert Feed(store, tmp_path / "rubbish.db", "n1", {}).step() == 0


def test_the_feed_reads_while_the_line_writes(store: Store, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "n1")
    spool.start()
    feed = Feed(store, spool.path, "n1", {"CallKey": notes})
    events = keys(200)
    for event in events:
        spool.put(event)
        feed.step(7)
    assert spool.stop()
    while feed.step(7):
        pass
    assert seen(store) == ids(events)


def test_a_new_spool_after_a_damaged_one_is_read_from_its_start(store: Store, tmp_path: Path) -> None:
    path, events = tmp_path / "spool.db", keys(6)
    spooled(path, events[:4])
    Feed(store, path, "n1", {"CallKey": notes}).step()
    path.write_bytes(b"\x00" * 10_000)
    spooled(path, events[4:])
    Feed(store, path, "n1", {"CallKey": notes}).step()
    assert seen(store) == ids(events)


def test_an_older_copy_of_a_spool_put_back_loses_and_repeats_nothing(store: Store, tmp_path: Path) -> None:
    path, events = tmp_path / "spool.db", keys(8)
    spooled(path, events[:3])
    shutil.copy(path, tmp_path / "copy.db")
    spooled(path, events[3:6])
    Feed(store, path, "n1", {"CallKey": notes}).step()
    shutil.copy(tmp_path / "copy.db", path)
    spooled(path, [*events[6:], *keys(5, "Other")])  # grows beyond the cursor before anyone looks
    feed = Feed(store, path, "n1", {"CallKey": notes})
    while feed.step():
        pass
    assert seen(store) == ids(events)


def test_only_old_rows_that_the_store_has_are_pruned_and_the_feed_goes_on(
    store: Store, tmp_path: Path
) -> None:
    path, events = tmp_path / "spool.db", keys(5)
    spooled(path, events[:4])
    feed = Feed(store, path, "n1", {"CallKey": notes})
    later = now() + timedelta(days=36)
    assert feed.prune(later) == 0  # the store has none of them yet
    feed.step(3)
    assert feed.prune(now()) == 0
    assert feed.prune(later, most=2) == 2 and feed.prune(later) == 1 and feed.prune(later) == 0
    assert Feed(store, path, "n1", {"CallKey": notes}).step() == 1
    assert feed.prune(later) == 1
    assert feed.step() == 0
    spooled(path, events[4:])
    assert feed.step() == 1
    assert seen(store) == ids(events)
    assert Feed(store, tmp_path / "none.db", "n1", {}).prune(later) == 0


def test_what_was_refused_is_applied_when_the_program_has_learnt_to(store: Store, tmp_path: Path) -> None:
    def stumble(session: Session, event: Event) -> None:
        raise ValueError

    events = [*keys(2, "New"), *keys(1, "Bad")]
    path = spooled(tmp_path / "spool.db", events)
    old = Feed(store, path, "n1", {"New": stumble, "Bad": stumble})
    old.step()
    assert old.retry_refused() == 0 and seen(store) == []
    new = Feed(store, path, "n1", {"New": notes, "Bad": stumble})
    assert new.retry_refused() == 2
    assert seen(store) == ids(events[:2])
    assert new.retry_refused() == 0
    with store.reading() as session:
        assert [Event.decode(row.data) for row in session.scalars(select(RefusedEvent))] == events[2:]


def test_a_conflict_makes_the_next_steps_shorter(store: Store, tmp_path: Path) -> None:
    """However busy the others are, the feed gets through."""
    events = keys(40)
    feed = Feed(store, spooled(tmp_path / "spool.db", events), "n1", {"CallKey": too_long})
    taken = []
    for _ in range(40):
        try:
            taken.append(feed.step(1_000_000))
        except Conflict:
            continue
    assert sum(taken) == len(events) and max(taken) <= 10
    assert logged(store) == ids(events)


def too_long(session: Session, event: Event) -> None:
    """Conflicts with somebody when the transaction has grown long."""
    session.info["events"] = session.info.get("events", 0) + 1
    if session.info["events"] > 10:
        raise Conflict("")


def test_a_kind_that_several_parts_project_is_projected_by_each() -> None:
    told: list[str] = []
    one = {"A": lambda _s, _e: told.append("one"), "B": lambda _s, _e: told.append("one")}
    two = {"A": lambda _s, _e: told.append("two")}
    merged = together(one, two)
    for kind in ("A", "B"):
        merged[kind](None, None)  # type: ignore[arg-type]
    assert told == ["one", "two", "one"]


def test_a_store_that_is_away_is_waited_for(
    store_url: str,
    dialect: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "BUSY_MS", 100)
    store, events = open_store(store_url), keys(3)
    feed = Feed(store, spooled(tmp_path / "spool.db", events), "n1", {"CallKey": notes})
    feed.step(1)
    if dialect == "sqlite":
        with sqlite3.connect(tmp_path / "minsheng.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Retryable):
                feed.step()
            other.execute("ROLLBACK")
    else:
        server = request.getfixturevalue("postgresql")
        name = store.engine.url.database
        server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        with pytest.raises(Retryable) as caught:
            feed.step()
        assert "\n" not in str(caught.value)
        server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    feed.step()
    assert seen(store) == ids(events)
    store.close()


def test_a_connection_lost_in_the_middle_is_not_the_fault_of_an_event(
    store: Store, dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if dialect == "sqlite":
        pytest.skip("SQLite has no connection to lose")
    server = request.getfixturevalue("postgresql")
    lost: list[int] = []

    def cut(session: Session, event: Event) -> None:
        notes(session, event)
        if not lost:
            lost.append(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
            server.run(f"SELECT pg_terminate_backend({lost[0]}, 5000)")

    events = keys(3)
    feed = Feed(store, spooled(tmp_path / "spool.db", events), "n1", {"CallKey": cut})
    with pytest.raises(Retryable):
        feed.step()
    assert feed.step() == 3
    assert seen(store) == ids(events)
    with store.reading() as session:
        assert session.scalars(select(RefusedEvent)).all() == []


class Rig:
    """A feed that dies where it is told to, and is begun again."""

    def __init__(self, store: Store, path: Path) -> None:
        self.store, self.path = store, path
        self.dies_at: int | None = None
        self.applied = itertools.count()

    def project(self, session: Session, event: Event) -> None:
        if next(self.applied) == self.dies_at:
            notes(session, event)
            session.flush()
            raise Crash
        if event.kind == "Bad":
            raise ValueError
        notes(session, event)

    def run(self, limit: int, dies_at: int | None, dies_after_commit: bool) -> int:
        self.dies_at, self.applied = dies_at, itertools.count()
        feed = Feed(self.store, self.path, "n1", {"CallKey": self.project, "Bad": self.project})
        try:
            done = feed.step(limit)
        except Crash:
            return -1
        return -1 if dies_after_commit else done


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(["CallKey", "CallKey", "CallKey", "Bad", "again"]), max_size=14),
    steps=st.lists(
        st.tuples(st.integers(1, 6), st.none() | st.integers(0, 5), st.booleans(), st.integers(0, 5)),
        max_size=8,
    ),
)
def test_crashes_anywhere_repeat_nothing_and_leave_nothing_out(
    make_store: Callable[[], Store],
    tmp_path_factory: pytest.TempPathFactory,
    kinds: list[str],
    steps: list[tuple[int, int | None, bool, int]],
) -> None:
    path = tmp_path_factory.mktemp("spool") / "spool.db"
    events: list[Event] = []
    for number, kind in enumerate(kinds):
        repeated = kind == "again" and events
        events.append(events[number // 2 % len(events)] if repeated else happened("n1", "call:1", kind))
    rig = Rig(make_store(), path)
    rest = list(events)
    for limit, dies_at, dies_after_commit, more in steps:
        spooled(path, rest[:more])
        rest = rest[more:]
        rig.run(limit, dies_at, dies_after_commit)
    spooled(path, rest)
    while rig.run(5, None, False):
        pass
    whole = list(dict.fromkeys(ids([event for event in events if event.kind == "CallKey"])))
    bad = list(dict.fromkeys(ids([event for event in events if event.kind == "Bad"])))
    others = [one for one in dict.fromkeys(ids(events)) if one not in whole and one not in bad]
    assert seen(rig.store) == whole
    assert [one for one in logged(rig.store) if one not in others] == whole
    with rig.store.reading() as session:
        refused = [str(Event.decode(row.data).id) for row in session.scalars(select(RefusedEvent))]
        assert sorted(refused) == sorted(bad)
        cursor = session.scalars(select(SpoolCursor.row)).one()
    with sqlite3.connect(path) as sql:
        assert sql.execute("SELECT coalesce(max(row), 0) FROM event").fetchone() == (cursor,)
