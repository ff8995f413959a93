"""Whatever people try in whatever order, the rules of the house hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cases import escalate, lists, steps
from cases.project import PROJECTIONS
from cases.states import STATES, STEPS
from config.city.load import load
from config.errors import Trouble
from models.cases import Case, Operator
from models.event import happened
from models.kinds import CASE_OPENED, CASE_STEP
from models.store.engine import Store
from models.store.log import events
from models.words import CaseState, Ground

CITY = load("shaowu")
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
NUMBERS = ["20261124-n1-0001", "20261124-n1-0002"]

PEOPLE = st.sampled_from(["op1", "boss", "duty", "waterworks", "power", "callback", "stranger"])
NOTES = st.sampled_from(["", "写明理由"])
UNITS = st.sampled_from(["waterworks", "power", "zhaoyang"])

MOVES: st.SearchStrategy[tuple[Callable[..., Case], dict[str, Any]]] = st.one_of(
    st.tuples(
        st.just(steps.assign),
        st.fixed_dictionaries(
            {"unit": UNITS, "matter": st.sampled_from([None, "no_water", "fire", "theft", "official"])}
        ),
    ),
    st.tuples(st.just(steps.accept), st.fixed_dictionaries({})),
    st.tuples(st.just(steps.resolve), st.fixed_dictionaries({"result": NOTES})),
    st.tuples(st.just(steps.return_), st.fixed_dictionaries({"reason": NOTES})),
    st.tuples(
        st.just(steps.extend),
        st.fixed_dictionaries({"workdays": st.integers(0, 12), "reason": NOTES, "approved_by": PEOPLE}),
    ),
    st.tuples(st.just(steps.confirm), st.fixed_dictionaries({"note": NOTES})),
    st.tuples(st.just(steps.answer), st.fixed_dictionaries({"note": NOTES})),
    st.tuples(
        st.just(steps.close), st.fixed_dictionaries({"ground": st.sampled_from(list(Ground)), "note": NOTES})
    ),
    st.tuples(st.just(steps.no_matter), st.fixed_dictionaries({})),
    st.tuples(st.just(steps.merge), st.fixed_dictionaries({"into": st.sampled_from(NUMBERS)})),
    st.tuples(st.just(steps.reopen), st.fixed_dictionaries({"reason": NOTES})),
    st.tuples(st.just(steps.supervise), st.fixed_dictionaries({"reason": NOTES})),
    st.tuples(st.just(steps.hand_over), st.fixed_dictionaries({"to": PEOPLE})),
    st.tuples(st.just(steps.claim), st.fixed_dictionaries({})),
    st.tuples(st.just(steps.welfare_called), st.fixed_dictionaries({"reached": st.booleans()})),
)
TRIED = st.lists(st.tuples(st.sampled_from(NUMBERS), PEOPLE, MOVES), min_size=5, max_size=25)


def begun(make_store: Callable[[], Store]) -> Store:
    store = make_store()
    with store.transaction() as session:
        for id, number, role in (("op1", "101", "operator"), ("boss", "201", "supervisor")):
            session.add(Operator(id=id, number=number, name=id, role=role, skills=[], active=True))
        for place, number in enumerate(NUMBERS):
            body = {
                "number": number,
                "code": f"000000{place}",
                "call": f"n1-1790000000.{place}",
                "phone": f"1390599000{place}",
                "owner": "duty",
                "priority": "ordinary",
                "kind": "abandoned" if place else "civic",
                "welfare": bool(place),
            }
            event = happened("n1", f"case:{number}", CASE_OPENED, at=NOW, **body)
            PROJECTIONS[CASE_OPENED](session, event)
    return store


def hold(store: Store) -> None:
    with store.reading() as session:
        for case in session.scalars(select(Case)):
            took = [event.body for event in events(session, f"case:{case.number}") if event.kind == CASE_STEP]
            state = CaseState.OPEN.value
            for body in took:  # the events alone tell the same life
                assert body["from"] == state
                assert CaseState(state) in STEPS[body["step"]].at
                assert body["by"] in ("op1", "boss", "duty", body.get("unit"))
                state = body["to"]
            assert state == case.state
            assert case.version >= 1 + len(took)
            assert (case.state == CaseState.CLOSED) == bool(case.ground)
            assert (case.state == CaseState.CLOSED) == (case.closed_at is not None)
            assert (case.state == CaseState.MERGED) <= (case.merged_into is not None)
            assert case.owner
            if case.ground == Ground.SUPERVISOR_REASON:
                assert case.ground_note
                assert took[-1]["by"] in ("boss", "duty")
            if case.ground == Ground.NO_MATTER:
                assert took[-1]["by"] in ("op1", "boss", "duty")
            if case.welfare:
                assert case.ground in (None, Ground.SUPERVISOR_REASON)
            holding = [item for item in case.assignments if not item.returned_at and not item.resolved_at]
            assert sum(item.lead for item in holding) <= 1
            if case.state in (CaseState.ASSIGNED, CaseState.ACCEPTED, CaseState.EXTENDED):
                assert [item.unit for item in holding if item.lead] == [case.unit]
            assert CaseState(case.state) in STATES
        assert lists.without_owner(session) == []


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tried=TRIED)
def test_no_order_of_steps_breaks_a_rule(
    make_store: Callable[[], Store], tried: list[tuple[str, str, tuple[Callable[..., Case], dict[str, Any]]]]
) -> None:
    store = begun(make_store)
    now = NOW
    for number, by, (step, how) in tried:
        now += timedelta(minutes=20)
        try:
            with store.transaction() as session:
                step(session, CITY, number, by=by, now=now, **how)
        except Trouble as trouble:
            assert str(trouble)
    hold(store)
    escalate.tick(store, CITY, now + timedelta(days=1))
    assert escalate.tick(store, CITY, now + timedelta(days=1)) == []
    hold(store)
    store.close()
