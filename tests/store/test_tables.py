"""What the tables themselves refuse, whoever writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.base import Base
from models.calls import Call, Leg, Segment, Transcript
from models.cases import Attempt, Callback, Case, Operator, Shift
from models.store.engine import Store
from models.words import AttemptState, CaseState, Ground

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def case(number: str = "20261124-n1-00001", **values: Any) -> Case:
    standard: dict[str, Any] = {
        "code": "1234560",
        "phone": "13900000000",
        "callback_phone": "13900000000",
        "call_id": "n1-1.1",
        "opened_at": AT,
        "state": "open",
        "kind": "civic",
        "priority": "ordinary",
        "owner": "op1",
    }
    return Case(number=number, **{**standard, **values})


def callback(case_number: str = "20261124-n1-00001", **values: Any) -> Callback:
    standard: dict[str, Any] = {"phone": "13900000000", "planned_at": AT, "due_at": AT, "state": "open"}
    return Callback(id=uuid4(), case_number=case_number, **{**standard, **values})


def attempt(callback_id: UUID, phone: str = "13900000000", **values: Any) -> Attempt:
    standard: dict[str, Any] = {"case_number": "20261124-n1-00001", "state": "planned", "planned_at": AT}
    return Attempt(id=uuid4(), callback_id=callback_id, phone=phone, **{**standard, **values})


def keep(store: Store, *rows: Base) -> None:
    with store.transaction() as session:
        for row in rows:
            session.add(row)
            session.flush()


def refused(store: Store, *rows: Base) -> None:
    with pytest.raises(IntegrityError):
        keep(store, *rows)


@pytest.mark.parametrize("ground", [None, "", "because"])
def test_no_case_closes_without_a_ground_that_counts(store: Store, ground: str | None) -> None:
    refused(store, case(state="closed", ground=ground))
    keep(store, case(state="resolved"))
    with pytest.raises(IntegrityError), store.transaction() as session:
        session.get_one(Case, "20261124-n1-00001").state = CaseState.CLOSED


@pytest.mark.parametrize("ground", list(Ground))
def test_every_ground_closes(store: Store, ground: Ground) -> None:
    keep(store, case(state="closed", ground=ground, closed_at=AT))


@pytest.mark.parametrize("state", list(CaseState))
def test_states_are_the_words_and_no_others(store: Store, state: CaseState) -> None:
    keep(store, case("20261124-n1-00002", code="", phone="2"))
    keep(store, case(state=state, ground="merged", merged_into="20261124-n1-00002"))
    refused(store, case("20261124-n1-00003", code="3", state=f"{state}ish"))


def test_a_case_has_an_owner_at_every_moment(store: Store) -> None:
    refused(store, case(owner=""))
    refused(store, case(owner=None))


def test_a_merged_case_names_another(store: Store) -> None:
    refused(store, case(state="merged"))
    refused(store, case(state="merged", merged_into="20261124-n1-00001"))
    refused(store, case(state="merged", merged_into="20261124-n1-00009"))


def test_a_code_is_unique_for_a_telephone_number_but_not_among_withheld_ones(store: Store) -> None:
    keep(store, case("1"), case("2", phone="13800000000"))
    refused(store, case("3"))
    keep(store, case("4", phone=""), case("5", phone=""))


def test_a_case_has_one_open_callback(store: Store) -> None:
    keep(store, case(), callback(), callback(state="person"), callback(state="done"))
    refused(store, callback())


@pytest.mark.parametrize("first", [AttemptState.LEASED, AttemptState.DIALLING])
@pytest.mark.parametrize("second", [AttemptState.LEASED, AttemptState.DIALLING])
def test_a_telephone_number_is_rung_by_one_attempt_at_a_time(
    store: Store, first: AttemptState, second: AttemptState
) -> None:
    plan = callback()
    keep(store, case(), plan, attempt(plan.id, state=first))
    refused(store, attempt(plan.id, state=second))
    keep(store, attempt(plan.id, phone="13800000000", state=second))
    keep(store, attempt(plan.id), attempt(plan.id, state="done", outcome="busy"))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(list(AttemptState))), max_size=20))
def test_whatever_the_moves_no_number_has_two_live_attempts(
    make_store: Callable[[], Store], moves: list[tuple[int, AttemptState]]
) -> None:
    store, plan = make_store(), callback()
    attempts = [attempt(plan.id, phone=phone, outcome="busy") for phone in ("1", "1", "1", "2")]
    keep(store, case(), plan, *attempts)
    states = ["planned"] * 4
    live = ("leased", "dialling")
    for index, state in moves:
        others = [states[other] for other in range(3) if other != index]
        clash = index < 3 and state in live and any(other in live for other in others)
        try:
            with store.transaction() as session:
                session.get_one(Attempt, attempts[index].id).state = state
            assert not clash
            states[index] = state
        except IntegrityError:
            assert clash
    with store.reading() as session:
        found = {row.id: row.state for row in session.scalars(select(Attempt))}
    assert [found[one.id] for one in attempts] == states


def test_an_attempt_that_is_done_has_an_outcome(store: Store) -> None:
    plan = callback()
    keep(store, case(), plan)
    refused(store, attempt(plan.id, state="done"))


def test_rows_point_at_rows_that_are_there(store: Store) -> None:
    refused(store, callback("20261124-n1-99999"))
    refused(store, attempt(uuid4()))
    refused(store, Leg(id="a", call_id="none", role="operator", started_at=AT))
    refused(store, Shift(id=uuid4(), operator="nobody", began_at=AT))


def test_an_operator_has_one_open_shift(store: Store) -> None:
    keep(store, Operator(id="op1", number="101", name="张三", role="operator"))
    keep(store, Shift(id=uuid4(), operator="op1", began_at=AT, ended_at=AT))
    keep(store, Shift(id=uuid4(), operator="op1", began_at=AT))
    refused(store, Shift(id=uuid4(), operator="op1", began_at=AT))


def test_a_transcript_reads_in_order_and_goes_with_its_segments(store: Store) -> None:
    transcript = Transcript(id=uuid4(), call_id="n1-1.1", state="done")
    transcript.segments = [
        Segment(
            channel="citizen",
            start=at,
            end=at + 1,
            text="水",
            raw="水",
            uncertain=False,
            words=[{"start": at}],
        )
        for at in (3.5, 0.25)
    ]
    keep(store, transcript)
    with store.reading() as session:
        read = session.get_one(Transcript, transcript.id)
        assert [(segment.start, segment.end) for segment in read.segments] == [(0.25, 1.25), (3.5, 4.5)]
        assert read.segments[0].words == [{"start": 0.25}]
    with store.transaction() as session:
        session.delete(session.get_one(Transcript, transcript.id))
    with store.reading() as session:
        assert session.scalars(select(Segment)).all() == []


def test_a_call_reads_with_its_legs(store: Store) -> None:
    call = Call(id="n1-1.1", node="n1", direction="in", number="", dialled="110", started_at=AT)
    keep(store, call, Leg(id="n1-1.1.op1.1", call_id="n1-1.1", role="operator", started_at=AT))
    with store.reading() as session:
        assert [leg.id for leg in session.get_one(Call, "n1-1.1").legs] == ["n1-1.1.op1.1"]
