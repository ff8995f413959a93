"""The life of a case in the store: steps, refusals, grounds, owners."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from cases import lists, steps
from cases.project import PROJECTIONS
from config.city.load import load
from config.errors import Exit, NotFound, Refused
from models.calls import Call
from models.cases import Case, Operator
from models.event import happened
from models.kinds import CASE_MARKED, CASE_OPENED, CASE_STEP
from models.store.engine import Store
from models.store.log import events
from models.store.retry import retrying
from models.words import Ground

CITY = load("shaowu")
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # a Tuesday, ten o'clock in Shaowu
N1, N2 = "20261124-n1-0001", "20261124-n1-0002"
DUTY = CITY.supervisor.id


def staff(store: Store) -> None:
    people = [("op1", "101", "operator"), ("op2", "102", "operator"), ("boss", "201", "supervisor")]
    with store.transaction() as session:
        for id, number, role in people:
            session.merge(Operator(id=id, number=number, name=id, role=role, skills=[], active=True))


def opened(store: Store, number: str = N1, phone: str = "13905990001", **facts: Any) -> str:
    body = {
        "code": number[-4:] + "001",
        "call": f"n1-1790000000.{number[-1]}",
        "phone": phone,
        "callback_phone": phone,
        "owner": DUTY,
        "priority": "ordinary",
        "kind": "civic",
        "welfare": False,
    }
    event = happened("n1", f"case:{number}", CASE_OPENED, at=NOW, number=number, **{**body, **facts})
    with store.transaction() as session:
        PROJECTIONS[CASE_OPENED](session, event)
    staff(store)
    return number


def marked(store: Store, number: str, **facts: Any) -> None:
    with store.transaction() as session:
        PROJECTIONS[CASE_MARKED](session, happened("n1", f"case:{number}", CASE_MARKED, at=NOW, **facts))


def take(store: Store, step: Callable[..., Case], number: str = N1, **how: Any) -> Case:
    how.setdefault("by", "op1")
    how.setdefault("now", NOW)
    with store.transaction() as session:
        return step(session, CITY, number, **how)


def the(store: Store, number: str = N1) -> Case:
    with store.reading() as session:
        case = session.get(Case, number)
        assert case is not None
        return case


def to_accepted(store: Store, number: str = N1) -> None:
    take(store, steps.assign, number, unit="waterworks", matter="no_water")
    take(store, steps.accept, number, by="waterworks")


def to_resolved(store: Store, number: str = N1) -> None:
    to_accepted(store, number)
    take(store, steps.resolve, number, by="waterworks", result="已修复水管")


def test_a_call_opens_a_case_and_hearing_of_it_twice_changes_nothing(store: Store) -> None:
    opened(store)
    opened(store, owner="somebody", priority="emergency")
    case = the(store)
    assert (case.state, case.owner, case.priority, case.version) == ("open", DUTY, "ordinary", 1)


def test_a_case_goes_from_open_to_resolved_with_an_event_each(store: Store) -> None:
    opened(store)
    to_resolved(store)
    case = the(store)
    assert (case.state, case.unit, case.matter, case.version) == ("resolved", "waterworks", "no_water", 4)
    assert case.due_at == NOW + timedelta(hours=24)
    assert case.resolved_at == NOW
    with store.reading() as session:
        told = [event.body for event in events(session, f"case:{N1}") if event.kind == CASE_STEP]
    assert [(one["step"], one["from"], one["to"], one["by"]) for one in told] == [
        ("assign", "open", "assigned", "op1"),
        ("accept", "assigned", "accepted", "waterworks"),
        ("resolve", "accepted", "resolved", "waterworks"),
    ]


@pytest.mark.parametrize(
    ("step", "how"),
    [
        (steps.resolve, {"result": "好了"}),
        (steps.confirm, {}),
        (steps.reopen, {"reason": "又坏了"}),
        (steps.extend, {"workdays": 2, "reason": "难", "approved_by": DUTY}),
        (steps.close, {"ground": Ground.CITIZEN_CONFIRMED}),
        (steps.close, {"ground": Ground.EXHAUSTED_AND_DECIDED, "note": "打不通"}),
        (steps.close, {"ground": Ground.CONFIRMED_ON_CALL}),
        (steps.close, {"ground": Ground.MERGED}),
        (steps.close, {"ground": Ground.NO_MATTER}),
    ],
)
def test_an_illegal_step_is_refused_with_a_sentence_and_changes_nothing(
    store: Store, step: Callable[..., Case], how: dict[str, Any]
) -> None:
    opened(store)
    staff(store)
    with pytest.raises(Refused) as caught:
        take(store, step, by=DUTY, **how)
    assert caught.value.status is Exit.REFUSED
    assert N1 in str(caught.value) or "无诉求" in str(caught.value)
    assert (the(store).state, the(store).version) == ("open", 1)
    with store.reading() as session:
        assert events(session, f"case:{N1}") == []


def test_an_unknown_case_unit_matter_or_operator_is_not_found(store: Store) -> None:
    opened(store)
    for step, number, how in (
        (steps.accept, "20261124-n1-9999", {}),
        (steps.assign, N1, {"unit": "moon"}),
        (steps.assign, N1, {"unit": "waterworks", "matter": "moon"}),
        (steps.assign, N1, {"unit": "waterworks", "co_units": ("moon",)}),
        (steps.hand_over, N1, {"to": "nobody"}),
    ):
        with pytest.raises(NotFound):
            take(store, step, number, **how)


def test_who_saw_an_older_version_is_refused(store: Store) -> None:
    opened(store)
    seen = the(store).version
    take(store, steps.assign, unit="waterworks", seen_version=seen)
    with pytest.raises(Refused, match="别人改动"):
        take(store, steps.assign, unit="power", seen_version=seen)
    assert the(store).unit == "waterworks"


def test_two_at_once_and_only_one_of_them_takes_the_step(store: Store) -> None:
    opened(store)
    together = Barrier(4)

    def assign(unit: str) -> str:
        together.wait()
        try:
            retrying(
                store,
                lambda session: steps.assign(session, CITY, N1, unit=unit, by="op1", now=NOW, seen_version=1),
                tries=50,
            )
        except Refused as refused:
            return str(refused)
        return unit

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(assign, ("waterworks", "power", "municipal", "parks")))
    assert sum("别人改动" in one for one in said) == 3
    assert the(store).unit in said
    assert the(store).version == 2


def test_a_step_by_nobody_is_refused(store: Store) -> None:
    opened(store)
    with pytest.raises(Refused, match="由谁"):
        take(store, steps.assign, unit="power", by="")


@pytest.mark.parametrize("by", ["nobody", "power", "op9", "callback"])
def test_every_step_is_refused_to_who_is_not_known(store: Store, by: str) -> None:
    opened(store)
    opened(store, N2, phone="13905990002")

    def refused(step: Callable[..., Case], number: str = N1, **how: Any) -> None:
        before = the(store, number)
        with pytest.raises(Refused, match=by):
            take(store, step, number, by=by, **how)
        assert (the(store, number).state, the(store, number).version) == (before.state, before.version)

    refused(steps.assign, unit="waterworks")
    refused(steps.merge, into=N2)
    refused(steps.supervise, reason="群众多次反映")
    refused(steps.no_matter)
    take(store, steps.assign, unit="waterworks", matter="no_water")
    refused(steps.accept)
    refused(steps.return_, reason="不归我管")
    take(store, steps.accept, by="waterworks")
    refused(steps.extend, workdays=2, reason="等材料", approved_by="boss")
    refused(steps.resolve, result="已修复水管")
    take(store, steps.resolve, by="waterworks", result="已修复水管")
    refused(steps.confirm, note="市民说水来了")
    refused(steps.reopen, reason="又停了")
    take(store, steps.confirm, note="市民说水来了")
    refused(steps.close, ground=Ground.CITIZEN_CONFIRMED)


def test_a_known_person_notes_a_units_steps_for_it(store: Store) -> None:
    opened(store)
    take(store, steps.assign, unit="waterworks", matter="no_water", co_units=("municipal",))
    take(store, steps.accept, by=DUTY)
    with pytest.raises(Refused, match="municipal"):
        take(store, steps.resolve, by="municipal", result="水管已修")  # a co-unit does not speak for the lead
    assert take(store, steps.resolve, by="op1", result="水管已修").state == "resolved"


def test_who_has_left_the_line_takes_no_step(store: Store) -> None:
    opened(store)
    with store.transaction() as session:
        session.execute(update(Operator).where(Operator.id == "op1").values(active=False))
    with pytest.raises(Refused, match="op1"):
        take(store, steps.assign, unit="waterworks", by="op1")


def test_the_suggested_matter_is_taken_with_its_unit_only(store: Store) -> None:
    for number, unit, matter in ((N1, "waterworks", "no_water"), (N2, "power", None)):
        opened(store, number)
        with store.transaction() as session:
            case = session.get_one(Case, number)
            case.suggested_matter, case.suggested_unit = "no_water", "waterworks"
        take(store, steps.assign, number, unit=unit)
        assert the(store, number).matter == matter


def test_assigning_elsewhere_relieves_the_first_unit_and_keeps_the_citizens_clock(store: Store) -> None:
    opened(store)
    take(store, steps.assign, unit="waterworks", matter="no_water", co_units=("municipal",))
    later = NOW + timedelta(hours=3)
    take(store, steps.assign, unit="power", matter="no_power", now=later)
    assert the(store).due_at == NOW + timedelta(hours=24)
    assert the(store).accept_by == later + timedelta(minutes=30)
    with pytest.raises(Refused, match="不在市自来水公司手里"):
        take(store, steps.accept, unit="waterworks", by="waterworks")
    take(store, steps.accept, unit="power", by="power")


def test_a_co_unit_works_beside_the_lead_and_does_not_decide(store: Store) -> None:
    opened(store)
    take(store, steps.assign, unit="waterworks", matter="burst_pipe", co_units=("municipal", "zhaoyang"))
    take(store, steps.accept, unit="municipal", by="municipal")
    assert the(store).state == "assigned"
    with pytest.raises(Refused, match="已经受理过"):
        take(store, steps.accept, unit="municipal", by="municipal")
    take(store, steps.return_, unit="zhaoyang", by="zhaoyang", reason="不在辖区")
    assert the(store).state == "assigned"
    take(store, steps.accept, by="waterworks")
    take(store, steps.resolve, unit="municipal", by="municipal", result="路面已修")
    assert the(store).state == "accepted"
    take(store, steps.resolve, by="waterworks", result="水管已修")
    assert the(store).state == "resolved"


def test_a_unit_returns_within_two_working_days_and_with_a_reason(store: Store) -> None:
    opened(store)
    take(store, steps.assign, unit="waterworks")
    with pytest.raises(Refused, match="理由"):
        take(store, steps.return_, by="waterworks", reason="  ")
    with pytest.raises(Refused, match="工作日"):
        take(store, steps.return_, by="waterworks", reason="不归我管", now=NOW + timedelta(days=3))
    take(store, steps.return_, by="waterworks", reason="不归我管", now=NOW + timedelta(days=2))
    assert (the(store).state, the(store).unit) == ("returned", None)
    take(store, steps.assign, unit="municipal", now=NOW + timedelta(days=2))
    assert the(store).state == "assigned"


def test_an_extension_needs_a_reason_a_measure_and_a_supervisor(store: Store) -> None:
    opened(store)
    staff(store)
    take(store, steps.assign, unit="municipal", matter="street_light")
    take(store, steps.accept, by="municipal")
    before = the(store).due_at
    for how in (
        {"workdays": 3, "reason": "", "approved_by": "boss"},
        {"workdays": 11, "reason": "等材料", "approved_by": "boss"},
        {"workdays": 3, "reason": "等材料", "approved_by": "op1"},
        {"workdays": 3, "reason": "等材料", "approved_by": "municipal"},
    ):
        with pytest.raises(Refused):
            take(store, steps.extend, by="municipal", **how)
    take(store, steps.extend, by="municipal", workdays=3, reason="等材料", approved_by="boss")
    after = the(store).due_at
    assert (the(store).state, before is not None and after is not None and after > before) == (
        "extended",
        True,
    )
    take(store, steps.resolve, by="municipal", result="灯已换")


def test_the_database_itself_holds_that_a_closed_case_has_its_ground(store: Store) -> None:
    opened(store)
    with pytest.raises(IntegrityError), store.transaction() as session:
        session.execute(update(Case).where(Case.number == N1).values(state="closed"))
    with pytest.raises(IntegrityError), store.transaction() as session:
        session.execute(update(Case).where(Case.number == N1).values(owner=""))


def test_a_supervisor_closes_with_a_reason_and_nobody_else_does(store: Store) -> None:
    opened(store)
    staff(store)
    to_resolved(store)
    for how in (
        {"by": "op1", "note": "算了"},
        {"by": "boss", "note": ""},
        {"by": "stranger", "note": "算了"},
    ):
        with pytest.raises(Refused):
            take(store, steps.close, ground=Ground.SUPERVISOR_REASON, **how)
    take(store, steps.close, ground=Ground.SUPERVISOR_REASON, by="boss", note="市民书面撤回")
    case = the(store)
    assert (case.state, case.ground, case.ground_note) == ("closed", "supervisor_reason", "市民书面撤回")
    assert case.closed_at == NOW


def test_a_person_confirms_only_with_what_the_citizen_said(store: Store) -> None:
    opened(store)
    staff(store)
    to_resolved(store)
    for how in ({"by": "op1"}, {"by": "scheduler", "note": "说好了"}):
        with pytest.raises(Refused):
            take(store, steps.confirm, **how)
    take(store, steps.confirm, by="op1", note="市民说水来了")
    take(store, steps.close, by="op1", ground=Ground.CITIZEN_CONFIRMED)
    assert the(store).ground == "citizen_confirmed"


def test_settling_on_the_call_needs_a_call_that_a_person_took(store: Store) -> None:
    opened(store)
    with pytest.raises(Refused, match="没有人接过"):
        take(store, steps.answer, note="告知了营业时间")
    with store.transaction() as session:
        session.add(
            Call(
                id=the(store).call_id,
                node="n1",
                direction="in",
                number="13905990001",
                dialled="110",
                started_at=NOW,
                talk_at=NOW,
            )
        )
    take(store, steps.answer, note="告知了营业时间")
    take(store, steps.close, ground=Ground.CONFIRMED_ON_CALL)
    assert (the(store).state, the(store).ground) == ("closed", "confirmed_on_call")


def test_no_matter_is_a_persons_word_and_not_for_who_waits_for_a_call(store: Store) -> None:
    opened(store, kind="abandoned", welfare=True)
    staff(store)
    with pytest.raises(Refused, match="名册"):
        take(store, steps.no_matter, by="worker")
    with pytest.raises(Refused, match="回过电"):
        take(store, steps.no_matter, by="op1")
    take(store, steps.welfare_called, by="op1", reached=False, note="没人接")
    assert the(store).welfare
    take(store, steps.welfare_called, by="op1", reached=True, note="小孩误拨")
    take(store, steps.no_matter, by="op1")
    assert (the(store).state, the(store).ground) == ("closed", "no_matter")


def test_the_operators_key_on_the_call_closes_it_as_no_matter(store: Store) -> None:
    opened(store)
    marked(store, N1, owner="op1", kind="no_matter", priority="ordinary", welfare=False)
    assert (the(store).state, the(store).ground, the(store).owner) == ("closed", "no_matter", "op1")


def test_marks_of_the_call_yield_to_a_persons_steps_but_priority_still_rises(store: Store) -> None:
    opened(store)
    take(store, steps.assign, unit="waterworks", matter="no_water")
    marked(
        store,
        N1,
        owner="op2",
        kind="no_matter",
        priority="emergency",
        welfare=True,
        callback_phone="13905990002",
    )
    case = the(store)
    assert (case.state, case.owner, case.kind, case.welfare) == ("assigned", DUTY, "civic", False)
    assert (case.priority, case.callback_phone) == ("emergency", "13905990002")
    marked(store, N1, priority="ordinary")
    assert the(store).priority == "emergency"


def test_a_reopened_case_starts_its_clock_again_and_loses_its_ground(store: Store) -> None:
    opened(store)
    staff(store)
    to_resolved(store)
    take(store, steps.close, ground=Ground.SUPERVISOR_REASON, by="boss", note="重复")
    later = NOW + timedelta(days=5)
    take(store, steps.reopen, reason="市民又来电", now=later)
    case = the(store)
    assert (case.state, case.ground, case.closed_at, case.resolved_at) == ("reopened", None, None, None)
    assert case.due_at == later + timedelta(hours=24)
    take(store, steps.assign, unit="waterworks", now=later + timedelta(hours=1))
    assert the(store).due_at == later + timedelta(hours=24)


def test_a_merged_case_stays_open_until_its_own_caller_is_answered(store: Store) -> None:
    opened(store)
    opened(store, N2, phone="13905990002")
    staff(store)
    take(store, steps.merge, N2, into=N1)
    assert (the(store, N2).state, the(store, N2).merged_into) == ("merged", N1)
    to_resolved(store)
    take(store, steps.confirm, by="op1", note="水来了")
    take(store, steps.close, by="op1", ground=Ground.CITIZEN_CONFIRMED)
    assert the(store, N2).state == "merged"
    with pytest.raises(Refused, match="还没有得到答复"):
        take(store, steps.close, N2, ground=Ground.MERGED)


def test_the_same_callers_second_case_closes_with_the_first(store: Store) -> None:
    opened(store)
    opened(store, N2)
    staff(store)
    take(store, steps.merge, N2, into=N1)
    to_resolved(store)
    take(store, steps.confirm, by="op1", note="水来了")
    take(store, steps.close, by="op1", ground=Ground.CITIZEN_CONFIRMED)
    assert (the(store, N2).state, the(store, N2).ground) == ("closed", "merged")


def test_merging_into_itself_into_a_closed_or_a_merged_case_is_refused(store: Store) -> None:
    third = "20261124-n1-0003"
    for number in (N1, N2, third):
        opened(store, number)
    staff(store)
    take(store, steps.merge, N2, into=N1)
    take(store, steps.no_matter, third, by="op1")
    for into in (N1, N2, third):
        with pytest.raises(Refused):
            take(store, steps.merge, N1, into=into)
    with pytest.raises(NotFound):
        take(store, steps.merge, N1, into="20261124-n1-0404")
    take(store, steps.reopen, N2, reason="不是一件事")
    assert (the(store, N2).state, the(store, N2).merged_into) == ("reopened", None)


def test_an_owner_stays_until_another_accepts(store: Store) -> None:
    opened(store)
    staff(store)
    take(store, steps.claim, by="op1")
    assert the(store).owner == "op1"
    with pytest.raises(Refused, match="没有移交给您"):
        take(store, steps.claim, by="op2")
    with pytest.raises(Refused, match="班长"):
        take(store, steps.hand_over, by="op2", to="op2")
    take(store, steps.hand_over, by="op1", to="op2")
    assert (the(store).owner, the(store).offered_to) == ("op1", "op2")
    with store.reading() as session:
        assert [case.number for case in lists.offered(session, "op2")] == [N1]
    take(store, steps.claim, by="op2")
    assert (the(store).owner, the(store).offered_to) == ("op2", None)
    with store.reading() as session:
        assert lists.without_owner(session) == []


def test_a_secret_matter_makes_the_case_confidential_and_an_emergency_raises_it(store: Store) -> None:
    opened(store)
    opened(store, N2)
    take(store, steps.assign, unit="police", matter="official")
    assert the(store).confidential
    take(store, steps.assign, N2, unit="fire", matter="fire")
    assert the(store, N2).priority == "emergency"
    assert the(store, N2).due_at == NOW + timedelta(hours=2)
    take(store, steps.assign, N2, unit="waterworks", matter="no_water")
    assert the(store, N2).due_at == NOW + timedelta(hours=2)  # nothing lowers it


def test_a_police_matter_has_no_civic_clock(store: Store) -> None:
    opened(store)
    take(store, steps.assign, unit="police", matter="theft")
    assert (the(store).kind, the(store).due_at) == ("police", None)
