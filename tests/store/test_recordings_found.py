"""A call that only Asterisk tells of gets its row and its case, once, and never in the line's stead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from callbacks.project import PROJECTIONS as CALLBACKS
from cases.project import PROJECTIONS as CASES
from config.city.load import load as load_city
from config.settings import Settings, load
from ivr.work.finding import Finding
from models import kinds
from models.calls import Call
from models.cases import Case
from models.event import Event, happened, now
from models.log import LoggedEvent, RefusedEvent
from models.store.engine import Store
from models.store.feed import Feed, together
from models.store.spool import Spool
from recordings.cel import Cel, Seen
from recordings.project import PROJECTIONS as CALLS

CALL = "n1-1732450000.12"
PHONE = "13905990000"


class Node:
    """A node whose line may have told something, and what Asterisk saw."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.settings: Settings = load(folder)
        self.spool = Spool(self.settings.spool, "n1")
        self.cel = Cel(self.settings.cel)
        self.seen = Seen(
            CALL,
            now() - timedelta(minutes=3),
            caller=PHONE,
            dialled="110",
            trunk="citizen",
            answered=now() - timedelta(minutes=3),
            ended=now() - timedelta(minutes=1),
            cause=16,
        )
        self.cel.calls[CALL] = self.seen
        self.finding = Finding(self.settings, load_city("shaowu"), store, self.cel)
        self.feed = Feed(store, self.settings.spool, "n1", together(CALLS, CASES, CALLBACKS))

    def line_told(self, *events: Event) -> None:
        self.spool.start()
        for event in events:
            self.spool.put(event)
        self.spool.stop()

    def find(self) -> int:
        count = self.finding.tick()
        while self.feed.step():
            continue
        return count

    def calls(self) -> list[Call]:
        with self.store.reading() as session:
            assert session.scalars(select(RefusedEvent)).all() == []
            return list(session.scalars(select(Call)))

    def cases(self) -> list[Case]:
        with self.store.reading() as session:
            return list(session.scalars(select(Case)))


@pytest.fixture
def node(store: Store, tmp_path: Path) -> Node:
    return Node(store, tmp_path / "var")


def start(call: str = CALL) -> Event:
    return happened("n1", f"call:{call}", kinds.CALL_START, direction="in", caller=PHONE, dialled="110")


def test_a_call_the_line_never_saw(node: Node) -> None:
    assert node.find() == 1
    (call,) = node.calls()
    (case,) = node.cases()
    assert (call.disposition, call.number, call.trunk, call.direction) == ("fallback", PHONE, "citizen", "in")
    assert (call.started_at, call.ended_at) == (node.seen.at, node.seen.ended)
    assert call.seconds == pytest.approx(120.0, abs=0.5)
    assert (case.number, case.call_id, case.phone) == (call.case_number, CALL, PHONE)
    assert (case.kind, case.welfare, case.owner) == ("abandoned", True, load_city("shaowu").supervisor.id)


def test_found_again_it_is_stored_once(node: Node) -> None:
    node.find()
    assert node.find() == 0
    node.finding.tick()
    assert (len(node.calls()), len(node.cases())) == (1, 1)


def test_found_twice_before_it_was_stored_it_is_stored_once(node: Node) -> None:
    """A worker killed between finding and feeding."""
    assert node.finding.tick() == node.finding.tick() == 1
    node.find()
    with node.store.reading() as session:
        told = [event.kind for event in session.scalars(select(LoggedEvent).order_by(LoggedEvent.seq))]
    assert told == [kinds.CALL_START, kinds.CASE_OPENED, kinds.CALL_END]


def test_whom_a_seat_answered_needs_no_welfare_call(node: Node) -> None:
    node.seen.spoke = True
    node.find()
    (case,) = node.cases()
    assert (case.kind, case.welfare) == ("civic", False)


def test_a_call_the_line_did_not_see_end(node: Node) -> None:
    node.line_told(
        start(),
        happened("n1", f"call:{CALL}", kinds.CALL_TALK, leg=f"{CALL}.op1.1", operator="op1"),
        happened(
            "n1",
            "case:20261124-n1-00077",
            kinds.CASE_OPENED,
            number="20261124-n1-00077",
            code="1234567",
            call=CALL,
            phone=PHONE,
            owner="op1",
        ),
    )
    while node.feed.step():
        continue
    assert node.find() == 1
    (call,) = node.calls()
    (case,) = node.cases()
    assert (call.disposition, call.operator, call.case_number) == ("answered", "op1", case.number)
    assert (case.number, case.owner) == ("20261124-n1-00077", "op1")


def test_what_the_line_spooled_is_awaited(node: Node) -> None:
    node.line_told(
        start(), happened("n1", f"call:{CALL}", kinds.CALL_END, disposition="abandoned", seconds=9.0)
    )
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        assert node.finding.tick() == 0
    while node.feed.step():
        continue
    assert node.find() == 0  # its end is told: its case is the line's
    (call,) = node.calls()
    assert call.disposition == "abandoned"


@pytest.mark.parametrize("why", ["live", "just ended", "callback"])
def test_calls_that_are_not_to_be_found(node: Node, why: str) -> None:
    if why == "live":
        node.seen.ended = None
    elif why == "just ended":
        node.seen.ended = now() - timedelta(seconds=5)
    else:
        node.cel.calls.clear()
        ours = "7b6a9d2e-54a3-4c9a-8f1e-0d4a5b6c7d8e"
        node.cel.calls[ours] = Seen(ours, node.seen.at, answered=node.seen.at, ended=node.seen.ended)
    assert node.find() == 0
    assert node.calls() == []
