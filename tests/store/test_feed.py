"""From the spool to the store: every event once and in order, and what cannot be applied kept aside."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.event import Event, found, now
from models.log import LoggedEvent, RefusedEvent
from models.store.engine import Store
from models.store.feed import Feed, together
from models.store.spool import Spool
from tests.store.spooled import ids, keys, logged, notes, seen, spooled


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


def test_a_kind_that_several_parts_project_is_projected_by_each() -> None:
    told: list[str] = []
    one = {"A": lambda _s, _e: told.append("one"), "B": lambda _s, _e: told.append("one")}
    two = {"A": lambda _s, _e: told.append("two")}
    merged = together(one, two)
    for kind in ("A", "B"):
        merged[kind](None, None)  # type: ignore[arg-type]
    assert told == ["one", "two", "one"]
