"""Whatever breaks between spool and store: nothing is repeated and nothing left out."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.event import Event, happened, now
from models.log import RefusedEvent, SpoolCursor
from models.store import engine
from models.store.engine import Store, open_store
from models.store.errors import Conflict, Retryable
from models.store.feed import Feed
from models.store.log import record
from tests.store.spooled import ids, keys, logged, notes, seen, spooled


class Crash(BaseException):
    """The process dies here."""


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


def test_an_event_that_somebody_else_records_at_this_moment_is_skipped(
    store: Store, dialect: str, tmp_path: Path
) -> None:
    if dialect == "sqlite":
        pytest.skip("SQLite lets nobody write meanwhile")
    first, second = keys(1, "First"), keys(1)

    def elsewhere(session: Session, event: Event) -> None:
        with contextlib.suppress(IntegrityError), store.transaction() as other:
            record(other, second[0])

    feed = Feed(
        store, spooled(tmp_path / "spool.db", [*first, *second]), "n1", {"First": elsewhere, "CallKey": notes}
    )
    with pytest.raises(Retryable):
        feed.step()
    assert feed.step() == 2
    assert sorted(logged(store)) == sorted(ids([*first, *second])) and seen(store) == []
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
