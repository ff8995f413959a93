"""Clocks looked at again and again, suggestions kept, and the lists of what to do next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cases import lists, steps
from cases.escalate import tick
from cases.project import PROJECTIONS
from cases.suggesting import note_suggestion
from config.city.load import load
from models.calls import Call
from models.cases import Case
from models.event import happened
from models.kinds import CASE_ESCALATED, CASE_OPENED, CASE_REMINDED, CASE_SUGGESTED
from models.store.engine import Store
from models.store.log import events

CITY = load("shaowu")
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def number(n: int) -> str:
    return f"20261124-n1-{n:04}"


def opened(store: Store, n: int = 1, at: datetime = NOW, **facts: Any) -> str:
    body = {
        "number": number(n),
        "code": f"{n:07}",
        "call": f"n1-1790000000.{n}",
        "phone": f"1390599{n:04}",
        "owner": "duty",
        "priority": "ordinary",
        "kind": "civic",
        "welfare": False,
    }
    with store.transaction() as session:
        event = happened("n1", f"case:{number(n)}", CASE_OPENED, at=at, **{**body, **facts})
        PROJECTIONS[CASE_OPENED](session, event)
    return number(n)


def the(store: Store, n: int = 1) -> Case:
    with store.reading() as session:
        return session.get_one(Case, number(n))


def test_a_new_case_gets_its_clocks_by_its_priority(store: Store) -> None:
    opened(store, 1)
    opened(store, 2, priority="emergency")
    opened(store, 3, priority="police", kind="police")
    tick(store, CITY, NOW)
    assert the(store, 1).accept_by == NOW + timedelta(minutes=30)
    assert the(store, 2).accept_by == NOW + timedelta(minutes=5)
    assert the(store, 2).due_at == NOW + timedelta(hours=2)
    assert the(store, 3).due_at is None


def test_who_is_not_accepted_in_time_is_escalated_once(store: Store) -> None:
    opened(store)
    assert tick(store, CITY, NOW) == []
    late = tick(store, CITY, NOW + timedelta(minutes=31))
    assert [(event.kind, event.body["what"]) for event in late] == [(CASE_ESCALATED, "accept")]
    assert tick(store, CITY, NOW + timedelta(minutes=32)) == []


def test_a_deadline_is_reminded_of_before_and_escalated_after_each_once(store: Store) -> None:
    opened(store)
    with store.transaction() as session:
        steps.assign(session, CITY, number(1), unit="waterworks", matter="no_water", by="duty", now=NOW)
        steps.accept(session, CITY, number(1), by="waterworks", now=NOW)
    seen = []
    for hour in range(30):
        seen += [(hour, event.kind) for event in tick(store, CITY, NOW + timedelta(hours=hour, minutes=1))]
    assert seen == [(18, CASE_REMINDED), (24, CASE_ESCALATED)]


def test_nobody_is_reminded_of_what_is_done(store: Store) -> None:
    opened(store)
    with store.transaction() as session:
        steps.assign(session, CITY, number(1), unit="waterworks", matter="no_water", by="duty", now=NOW)
        steps.accept(session, CITY, number(1), by="waterworks", now=NOW)
        steps.resolve(session, CITY, number(1), result="修好了", by="waterworks", now=NOW)
    assert tick(store, CITY, NOW + timedelta(days=3)) == []


def test_a_case_taken_up_again_has_a_clock_of_its_own(store: Store) -> None:
    opened(store)
    later = NOW + timedelta(days=2)
    with store.transaction() as session:
        steps.assign(session, CITY, number(1), unit="waterworks", matter="no_water", by="duty", now=NOW)
        steps.accept(session, CITY, number(1), by="waterworks", now=NOW)
        steps.resolve(session, CITY, number(1), result="修好了", by="waterworks", now=NOW)
        steps.reopen(session, CITY, number(1), reason="又停了", by="duty", now=later)
        case = session.get_one(Case, number(1))
        case.accept_by = case.due_at = None
    tick(store, CITY, later)
    assert the(store).due_at == later + timedelta(hours=24)


def test_a_suggestion_is_kept_and_is_no_step(store: Store) -> None:
    opened(store)
    with store.transaction() as session:
        found = note_suggestion(session, CITY, number(1), "我们家停水了，一滴水都没有", now=NOW)
    assert found is not None
    case = the(store)
    assert (case.suggested_matter, case.suggested_unit) == ("no_water", "waterworks")
    assert (case.version, case.matter, case.unit, case.state) == (1, None, None, "open")
    with store.reading() as session:
        assert [event.kind for event in events(session, f"case:{number(1)}")] == [CASE_SUGGESTED]


def test_nothing_understood_suggests_nothing(store: Store) -> None:
    opened(store)
    with store.transaction() as session:
        assert note_suggestion(session, CITY, number(1), "嗯", now=NOW) is None
    assert the(store).suggested_matter is None
    with store.reading() as session:
        assert events(session, f"case:{number(1)}") == []


def test_words_of_an_emergency_raise_the_case_and_its_clock(store: Store) -> None:
    opened(store)
    tick(store, CITY, NOW)
    with store.transaction() as session:
        note_suggestion(session, CITY, number(1), "着火了，房子烧了", now=NOW)
    tick(store, CITY, NOW)
    assert (the(store).priority, the(store).due_at) == ("emergency", NOW + timedelta(hours=2))


def test_the_worklist_is_in_the_order_of_the_clocks(store: Store) -> None:
    opened(store, 1)
    opened(store, 2, priority="emergency")
    opened(store, 3, at=NOW - timedelta(minutes=10))
    tick(store, CITY, NOW)
    opened(store, 4, owner="op1")
    with store.reading() as session:
        assert [case.number for case in lists.worklist(session)] == [number(n) for n in (4, 2, 3, 1)]
        assert [case.number for case in lists.worklist(session, owner="op1")] == [number(4)]


def test_lost_callers_are_listed_emergencies_first_and_not_while_they_speak(store: Store) -> None:
    opened(store, 1, welfare=True, kind="abandoned")
    opened(store, 2, welfare=True, kind="silent", priority="police", at=NOW + timedelta(minutes=1))
    opened(store, 3, welfare=True, kind="abandoned", at=NOW + timedelta(minutes=2))
    opened(store, 4)
    with store.transaction() as session:
        session.add(
            Call(id="n1-1790000000.3", node="n1", direction="in", number="", dialled="110", started_at=NOW)
        )
    with store.reading() as session:
        waiting = [case.number for case in lists.welfare(session, NOW + timedelta(minutes=3))]
        assert waiting == [number(2), number(1)]
        later = [case.number for case in lists.welfare(session, NOW + timedelta(hours=2))]
        assert later == [number(2), number(1), number(3)]


def test_overdue_and_supervised_cases_are_found(store: Store) -> None:
    opened(store, 1)
    opened(store, 2)
    tick(store, CITY, NOW)
    with store.transaction() as session:
        steps.supervise(session, CITY, number(2), reason="群众多次反映", by="duty", now=NOW)
    with store.reading() as session:
        assert lists.overdue(session, NOW) == []
        assert len(lists.overdue(session, NOW + timedelta(days=30))) == 2
        assert [case.number for case in lists.supervised(session)] == [number(2)]
