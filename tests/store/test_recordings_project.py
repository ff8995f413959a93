"""What the line tells of a call becomes the call and its legs, in whatever order and with whatever gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

from models import kinds
from models.calls import Call, Leg
from models.event import Event, happened
from models.store.engine import Store
from recordings.project import PROJECTIONS

CALL, LEG = "n1-1732450000.12", "n1-1732450000.12.op1.1"
OURS = "7b6a9d2e-54a3-4c9a-8f1e-0d4a5b6c7d8e"
START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def told(kind: str, after: float, call: str = CALL, **body: object) -> Event:
    return happened("n1", f"call:{call}", kind, at=START + timedelta(seconds=after), **body)


STORY = [
    told(
        kinds.CALL_START,
        0.0,
        direction="in",
        caller="13905990000",
        dialled="110",
        trunk="citizen",
        channel=CALL,
        notice="v1",
    ),
    told(kinds.CALL_ANSWERED, 0.004, ms=4.2),
    told(kinds.CALL_STAGE, 0.1, stage="queue"),
    told(kinds.CALL_PRIORITY, 1.0, priority="emergency", why="key"),
    told(kinds.LEG_START, 1.5, leg=LEG, role="operator", seat="op1"),
    told(kinds.LEG_ANSWER, 4.0, leg=LEG),
    told(kinds.CALL_TALK, 4.1, leg=LEG, seat="op1", operator="op1"),
    told(kinds.CALL_TALK_END, 20.0, leg=LEG, by="operator"),
    told(kinds.LEG_END, 20.1, leg=LEG, how="answered", cause=16),
    told(kinds.CALL_END, 20.5, disposition="answered", by="operator", seconds=20.4, cause=16),
    happened("n1", "case:20261124-n1-00001", kinds.CASE_OPENED, number="20261124-n1-00001", call=CALL),
]


def apply(store: Store, events: list[Event]) -> None:
    for event in events:
        with store.transaction() as session:
            PROJECTIONS[event.kind](session, event)


def test_a_call_from_its_events(store: Store) -> None:
    apply(store, STORY)
    with store.reading() as session:
        call, leg = session.get_one(Call, CALL), session.get_one(Leg, LEG)
    assert (call.number, call.dialled, call.trunk, call.notice) == ("13905990000", "110", "citizen", "v1")
    assert (call.started_at, call.answered_ms, call.stage) == (START, 4, "queue")
    assert (call.priority, call.operator, call.talk_at) == ("emergency", "op1", STORY[6].at)
    assert (call.disposition, call.ended_by, call.seconds) == ("answered", "operator", 20.4)
    assert (call.ended_at, call.cause, call.case_number) == (STORY[9].at, 16, "20261124-n1-00001")
    assert (leg.call_id, leg.seat, leg.role, leg.how) == (CALL, "op1", "operator", "answered")
    assert (leg.started_at, leg.answered_at, leg.joined_at) == (STORY[4].at, STORY[5].at, STORY[6].at)


def test_the_end_may_come_before_the_start(store: Store) -> None:
    parts = [STORY[0], STORY[4], STORY[9]]
    for order in permutations(parts):
        apply(store, list(order))
        with store.transaction() as session:
            call, leg = session.get_one(Call, CALL), session.get_one(Leg, LEG)
            assert (call.number, call.disposition, call.started_at) == ("13905990000", "answered", START)
            assert leg.started_at == STORY[4].at
            session.delete(leg)
            session.flush()
            session.delete(call)


def test_each_event_alone_makes_what_it_can(store: Store) -> None:
    for event in STORY[1:]:
        apply(store, [event])
        with store.transaction() as session:
            call = session.get_one(Call, CALL)
            leg = session.get(Leg, LEG)
            assert call.direction == "in"
            assert (leg is not None) == ("leg" in event.body)
            if leg is not None:
                assert leg.seat == "op1"
                session.delete(leg)
                session.flush()
            session.delete(call)


def test_nothing_lowers_the_priority(store: Store) -> None:
    apply(store, [STORY[0], told(kinds.CALL_PRIORITY, 1, priority="police", why="operator")])
    apply(
        store,
        [
            told(kinds.CALL_PRIORITY, 2, priority="emergency"),
            told(kinds.CALL_PRIORITY, 3, priority="ordinary"),
        ],
    )
    with store.reading() as session:
        assert session.get_one(Call, CALL).priority == "police"


def test_of_our_own_call_the_number_is_the_one_we_dialled(store: Store) -> None:
    start = told(kinds.CALL_START, 0, OURS, direction="out", caller="059912345", dialled="13905990000")
    apply(store, [start, told(kinds.CALL_END, 9, OURS, disposition="unreached", by="callee", seconds=0.0)])
    with store.reading() as session:
        call = session.get_one(Call, OURS)
    assert (call.direction, call.number, call.disposition) == ("out", "13905990000", "unreached")


def test_an_end_told_again_changes_nothing(store: Store) -> None:
    apply(store, [*STORY, told(kinds.CALL_END, 99, disposition="fallback", by="caller", seconds=1.0)])
    with store.reading() as session:
        call = session.get_one(Call, CALL)
    assert (call.disposition, call.ended_at, call.seconds) == ("answered", STORY[9].at, 20.4)
