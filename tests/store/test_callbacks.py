"""Rounds of asking in the store: planned, leased once, ended, and what the answers do to the case."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from callbacks import plan
from callbacks.project import PROJECTIONS
from cases import steps
from cases.project import PROJECTIONS as CASES
from config.city.load import load
from config.errors import NotFound, Refused
from config.settings import Settings
from config.settings import load as load_settings
from models.calls import Call
from models.cases import Attempt, Callback, Case, Citizen, Operator
from models.event import Event, happened
from models.kinds import (
    ATTEMPT_DIALLING,
    ATTEMPT_LEASED,
    ATTEMPT_OUTCOME,
    ATTEMPT_PLANNED,
    CALLBACK_EXHAUSTED,
    CALLBACK_TO_PERSON,
    CASE_OPENED,
    CASE_STEP,
)
from models.store.engine import Store
from models.store.log import events
from models.words import Ground

CITY = load("shaowu")
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # ten in the morning in Shaowu
NEXT = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)  # nine, the next day
DAY = timedelta(days=1)
PHONE = "13905990001"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "var", profile="run")


def number(n: int) -> str:
    return f"20261124-n1-{n:04}"


def resolved(store: Store, n: int = 1, phone: str = PHONE, matter: str = "no_water", **facts: Any) -> str:
    body = {
        "number": number(n),
        "code": f"{n:07}",
        "call": f"n1-1790000000.{n}",
        "phone": phone,
        "owner": "duty",
        "priority": "ordinary",
        "kind": "civic",
        "welfare": False,
    }
    with store.transaction() as session:
        event = happened("n1", f"case:{number(n)}", CASE_OPENED, at=NOW, **{**body, **facts})
        CASES[CASE_OPENED](session, event)
        steps.assign(session, CITY, number(n), unit="waterworks", matter=matter, by="duty", now=NOW)
    work_done(store, n)
    return number(n)


def work_done(store: Store, n: int = 1, now: datetime = NOW) -> None:
    with store.transaction() as session:
        steps.accept(session, CITY, number(n), by="waterworks", now=now)
        steps.resolve(session, CITY, number(n), result="修好了", by="waterworks", now=now)


def tick(store: Store, settings: Settings, now: datetime, free: int = 100) -> list[str]:
    return [event.kind for event in plan.tick(store, settings, CITY, now, free_channels=free)]


def leased(store: Store) -> list[plan.Leased]:
    with store.reading() as session:
        return plan.leased(session)


def tell(store: Store, kind: str, attempt: str, now: datetime, **body: Any) -> None:
    with store.transaction() as session:
        PROJECTIONS[kind](
            session, happened("n1", f"attempt:{attempt}", kind, at=now, attempt=attempt, **body)
        )


def rung(store: Store, settings: Settings, now: datetime, outcome: str, **answers: Any) -> str:
    """One attempt from the lease to its outcome."""
    tick(store, settings, now)
    [one] = leased(store)
    tell(store, ATTEMPT_DIALLING, one.id, now)
    assert leased(store) == []
    tell(store, ATTEMPT_OUTCOME, one.id, now + timedelta(seconds=30), outcome=outcome, **answers)
    return one.id


def the(store: Store, n: int = 1) -> Case:
    with store.reading() as session:
        return session.get_one(Case, number(n))


def rounds(store: Store, n: int = 1) -> list[Callback]:
    with store.reading() as session:
        found = session.get_one(Case, number(n)).callbacks
        assert all(item.attempts is not None for item in found)
        return found


def stream(store: Store, n: int = 1) -> list[Event]:
    with store.reading() as session:
        return events(session, f"case:{number(n)}")


def test_a_resolution_is_asked_about_once_the_next_day(store: Store, settings: Settings) -> None:
    resolved(store)
    assert tick(store, settings, NOW) == [ATTEMPT_PLANNED]
    assert tick(store, settings, NOW + timedelta(hours=5)) == []
    assert tick(store, settings, NEXT - timedelta(seconds=1)) == []
    assert tick(store, settings, NEXT) == [ATTEMPT_LEASED]
    assert tick(store, settings, NEXT + timedelta(seconds=20)) == []
    [one] = leased(store)
    assert (one.phone, one.case_number) == (PHONE, number(1))


def test_solved_closes_the_case_on_the_citizens_word(store: Store, settings: Settings) -> None:
    resolved(store)
    id = rung(store, settings, NEXT, "completed", call="x", contacted=True, solved=True, satisfied=True)
    case, [asked] = the(store), rounds(store)
    assert (case.state, case.ground) == ("closed", Ground.CITIZEN_CONFIRMED)
    assert (asked.state, asked.contacted, asked.solved, asked.satisfied) == ("done", True, True, True)
    assert (asked.disposition, str(asked.attempts[0].id)) == ("completed", id)
    taken = [event.body["step"] for event in stream(store) if event.kind == CASE_STEP]
    assert taken[-2:] == ["confirm", "close"]
    assert tick(store, settings, NEXT + 2 * DAY) == []


def test_gone_before_satisfied_but_solved_closes_too(store: Store, settings: Settings) -> None:
    resolved(store)
    rung(store, settings, NEXT, "completed", contacted=False, solved=True, satisfied=None)
    assert the(store).state == "closed"


@pytest.mark.parametrize("answers", [{"solved": False}, {"solved": True, "satisfied": False}])
def test_unsolved_or_unsatisfied_reopens_and_supervises(
    store: Store, settings: Settings, answers: dict[str, bool]
) -> None:
    resolved(store)
    rung(store, settings, NEXT, "completed", contacted=True, **answers)
    case = the(store)
    assert (case.state, case.supervised, case.ground, case.resolved_at) == ("reopened", True, None, None)


def test_a_second_survey_follows_the_second_resolution(store: Store, settings: Settings) -> None:
    resolved(store)
    rung(store, settings, NEXT, "completed", solved=False)
    later = NEXT + timedelta(hours=2)
    with store.transaction() as session:
        steps.assign(session, CITY, number(1), unit="waterworks", by="duty", now=later)
    work_done(store, now=later)
    rung(store, settings, NEXT + DAY, "completed", solved=True, satisfied=True)
    assert the(store).state == "closed"
    assert [item.solved for item in rounds(store)] == [False, True]


@pytest.mark.parametrize(
    "outcome", ["no_input", "busy", "no_answer", "rejected", "unreachable", "breakoff", "unknown"]
)
def test_three_attempts_on_three_days_and_then_a_person(
    store: Store, settings: Settings, outcome: str
) -> None:
    resolved(store)
    days = []
    for day in range(3):
        id = rung(store, settings, NEXT + day * DAY, outcome)
        days.append(id)
        assert tick(store, settings, NEXT + day * DAY + timedelta(hours=8)) == (
            [CALLBACK_EXHAUSTED] if day == 2 else [ATTEMPT_PLANNED]
        )
    assert len(set(days)) == 3
    [asked] = rounds(store)
    assert (asked.state, asked.why_person, the(store).state) == ("person", "exhausted", "resolved")
    assert tick(store, settings, NEXT + 30 * DAY) == []
    with store.reading() as session:
        assert [item.case_number for item in plan.person_list(session)] == [number(1)]


def test_only_a_person_closes_what_was_exhausted(store: Store, settings: Settings) -> None:
    resolved(store)
    with store.transaction() as session:
        session.add(Operator(id="op1", number="101", name="张", role="operator", skills=[], active=True))
    with pytest.raises(Refused, match="用尽"):
        close(store, "op1", "三次不接")
    for day in range(3):
        rung(store, settings, NEXT + day * DAY, "no_answer")
    tick(store, settings, NEXT + 3 * DAY)
    for by, note in (("scheduler", "三次不接"), ("op1", "")):
        with pytest.raises(Refused):
            close(store, by, note)
    close(store, "op1", "三次不接，单位已附照片")
    assert (the(store).state, the(store).ground) == ("closed", "exhausted_and_decided")
    with store.reading() as session:
        assert plan.person_list(session) == []


def close(store: Store, by: str, note: str) -> None:
    with store.transaction() as session:
        ground = Ground.EXHAUSTED_AND_DECIDED
        steps.close(session, CITY, number(1), ground=ground, by=by, note=note, now=NOW)


def test_our_own_failures_are_no_attempts_and_in_the_end_a_persons_matter(
    store: Store, settings: Settings
) -> None:
    resolved(store)
    now = NEXT
    for _ in range(9):
        rung(store, settings, now, "ours")
        now += timedelta(minutes=10)
    assert CALLBACK_TO_PERSON in tick(store, settings, now)
    assert rounds(store)[0].why_person == "cannot_dial"


def test_after_our_failure_the_citizen_is_still_rung_three_times(store: Store, settings: Settings) -> None:
    resolved(store)
    rung(store, settings, NEXT, "ours")
    rung(store, settings, NEXT + timedelta(minutes=10), "busy")
    rung(store, settings, NEXT + DAY, "busy")
    rung(store, settings, NEXT + 2 * DAY, "completed", solved=True)
    assert the(store).state == "closed"


def test_another_person_answering_leads_to_a_person(store: Store, settings: Settings) -> None:
    resolved(store)
    rung(store, settings, NEXT, "refused")
    assert (rounds(store)[0].state, rounds(store)[0].why_person) == ("person", "refused")
    assert the(store).state == "resolved"


def test_who_asks_for_a_person_gets_one_before_anything_is_closed(store: Store, settings: Settings) -> None:
    resolved(store)
    rung(store, settings, NEXT, "completed", solved=True, wants_person=True)
    assert (rounds(store)[0].state, rounds(store)[0].why_person) == ("person", "wants_person")
    assert the(store).state == "resolved"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"matter": "theft"}, "police"),
        ({"matter": "domestic_violence"}, "sensitive"),
        ({"matter": "official"}, "confidential"),
        ({"phone": ""}, "withheld"),
        ({"phone": "119"}, "never_dial"),
        ({"phone": "anonymous"}, "invalid"),
    ],
)
def test_some_rounds_are_a_persons_from_the_start(
    store: Store, settings: Settings, how: dict[str, str], why: str
) -> None:
    resolved(store, **how)
    assert tick(store, settings, NOW) == [CALLBACK_TO_PERSON]
    assert tick(store, settings, NEXT) == []
    [asked] = rounds(store)
    assert (asked.state, asked.why_person, asked.attempts) == ("person", why, [])
    assert leased(store) == []


def test_who_asked_not_to_be_rung_after_the_planning_is_not_rung(store: Store, settings: Settings) -> None:
    resolved(store)
    tick(store, settings, NOW)
    with store.transaction() as session:
        session.add(Citizen(phone=PHONE, do_not_call=True, marks={}))
    assert tick(store, settings, NEXT) == [CALLBACK_TO_PERSON]
    assert (leased(store), rounds(store)[0].why_person) == ([], "do_not_call")


def test_safe_hours_move_the_call_and_are_kept(store: Store, settings: Settings) -> None:
    resolved(store)
    with store.transaction() as session:
        session.add(Citizen(phone=PHONE, safe_from="18:00", safe_to="20:00", marks={}))
    tick(store, settings, NOW)
    assert tick(store, settings, NEXT + timedelta(hours=8)) == []
    assert tick(store, settings, NEXT + timedelta(hours=9)) == [ATTEMPT_LEASED]


def test_a_lease_left_over_night_is_not_dialled_at_night(store: Store, settings: Settings) -> None:
    resolved(store)
    tick(store, settings, NEXT)
    night = NEXT + timedelta(hours=14)
    with store.reading() as session:
        assert plan.leased_now(session, settings, CITY, night) == []
        [one] = plan.leased_now(session, settings, CITY, NEXT + 3 * DAY)  # it never expires
    assert tick(store, settings, NEXT + 3 * DAY) == []
    tell(store, ATTEMPT_DIALLING, one.id, NEXT + 3 * DAY)
    assert leased(store) == []


def test_a_citizen_who_is_speaking_with_us_is_rung_later(store: Store, settings: Settings) -> None:
    resolved(store)
    tick(store, settings, NOW)
    with store.transaction() as session:
        session.add(
            Call(
                id="n1-1790000001.9",
                node="n1",
                direction="in",
                number=f"+86{PHONE}",
                dialled="110",
                started_at=NEXT,
            )
        )
    assert tick(store, settings, NEXT + timedelta(minutes=1)) == []
    with store.transaction() as session:
        session.get_one(Call, "n1-1790000001.9").ended_at = NEXT + timedelta(minutes=2)
    assert tick(store, settings, NEXT + timedelta(minutes=3)) == [ATTEMPT_LEASED]


def test_two_cases_of_one_number_never_ring_at_once_nor_on_one_day(store: Store, settings: Settings) -> None:
    resolved(store, 1)
    resolved(store, 2, matter="no_power")
    tick(store, settings, NEXT)
    [first] = leased(store)
    tell(store, ATTEMPT_DIALLING, first.id, NEXT)
    assert ATTEMPT_LEASED not in tick(store, settings, NEXT + timedelta(minutes=1))
    tell(store, ATTEMPT_OUTCOME, first.id, NEXT + timedelta(minutes=2), outcome="no_answer")
    assert ATTEMPT_LEASED not in tick(store, settings, NEXT + timedelta(hours=10))
    assert tick(store, settings, NEXT + DAY).count(ATTEMPT_LEASED) == 1


def test_the_last_channels_stay_with_the_citizens_who_ring(store: Store, settings: Settings) -> None:
    for n in range(1, 6):
        resolved(store, n, phone=f"1390599000{n}")
    tick(store, settings, NOW)
    spare = settings.callback.spare_channels
    assert tick(store, settings, NEXT, free=spare) == []
    assert tick(store, settings, NEXT, free=spare + 2).count(ATTEMPT_LEASED) == 2
    assert tick(store, settings, NEXT, free=spare + 2) == []  # those two have not begun to dial
    assert tick(store, settings, NEXT, free=spare + 5).count(ATTEMPT_LEASED) == 3


def test_two_schedulers_plan_and_lease_an_attempt_once(store: Store, settings: Settings) -> None:
    for n in range(1, 5):
        resolved(store, n, phone=f"1390599000{n}")
    together = Barrier(2)

    def look(now: datetime) -> list[str]:
        together.wait()
        return tick(store, settings, now)

    for now, kind in ((NOW, ATTEMPT_PLANNED), (NEXT, ATTEMPT_LEASED)):
        with ThreadPoolExecutor(2) as pool:
            said = [kind for kinds in pool.map(look, [now, now]) for kind in kinds]
        assert said.count(kind) == 4
    assert len({one.id for one in leased(store)}) == 4
    assert [len(rounds(store, n)) for n in range(1, 5)] == [1, 1, 1, 1]


def test_a_case_that_went_another_way_is_not_asked_about(store: Store, settings: Settings) -> None:
    resolved(store)
    tick(store, settings, NOW)
    with store.transaction() as session:
        steps.reopen(
            session, CITY, number(1), reason="市民来电说没修好", by="duty", now=NOW + timedelta(hours=1)
        )
    assert tick(store, settings, NEXT) == []
    assert (leased(store), rounds(store)[0].state, rounds(store)[0].attempts) == ([], "done", [])


def test_an_answer_is_kept_when_a_person_was_faster(store: Store, settings: Settings) -> None:
    resolved(store)
    tick(store, settings, NEXT)
    [one] = leased(store)
    tell(store, ATTEMPT_DIALLING, one.id, NEXT)
    with store.transaction() as session:
        reason = Ground.SUPERVISOR_REASON
        steps.close(session, CITY, number(1), ground=reason, by="duty", note="撤回", now=NEXT)
    tick(store, settings, NEXT + timedelta(seconds=1))  # what is ringing is left to end by itself
    tell(store, ATTEMPT_OUTCOME, one.id, NEXT + timedelta(seconds=40), outcome="completed", solved=False)
    [asked] = rounds(store)
    assert asked.attempts[0].answers == {"solved": False}
    assert (asked.solved, asked.why_person) == (False, "changed")
    assert (the(store).state, the(store).ground) == ("closed", "supervisor_reason")


def test_an_answer_about_an_earlier_resolution_closes_nothing(store: Store, settings: Settings) -> None:
    resolved(store)
    tick(store, settings, NEXT)
    [one] = leased(store)
    tell(store, ATTEMPT_DIALLING, one.id, NEXT)
    later = NEXT + timedelta(seconds=10)
    with store.transaction() as session:
        steps.reopen(session, CITY, number(1), reason="又停了", by="duty", now=later)
        steps.assign(session, CITY, number(1), unit="waterworks", by="duty", now=later)
    work_done(store, now=later)
    tell(store, ATTEMPT_OUTCOME, one.id, later, outcome="completed", solved=True)
    assert the(store).state == "resolved"
    assert ATTEMPT_PLANNED in tick(store, settings, later + timedelta(minutes=1))


def outcomes(store: Store) -> list[str | None]:
    with store.reading() as session:
        return list(session.scalars(select(Attempt.outcome).order_by(Attempt.planned_at)))


def test_an_outcome_told_twice_counts_once(store: Store, settings: Settings) -> None:
    resolved(store)
    id = rung(store, settings, NEXT, "busy")
    tell(store, ATTEMPT_OUTCOME, id, NEXT + DAY, outcome="completed", solved=True)
    tell(store, ATTEMPT_DIALLING, id, NEXT + DAY)
    assert outcomes(store) == ["busy"]
    assert the(store).state == "resolved"


def test_an_outcome_that_nobody_knows_counts_as_rung(store: Store, settings: Settings) -> None:
    resolved(store)
    rung(store, settings, NEXT, "hologram")
    assert outcomes(store) == ["unknown"]
    tick(store, settings, NEXT + timedelta(hours=1))
    assert rounds(store)[0].attempts[-1].planned_at == NEXT + DAY


def test_a_line_killed_while_it_rang_leaves_an_unknown_that_the_truth_replaces(
    store: Store, settings: Settings
) -> None:
    resolved(store)
    tick(store, settings, NEXT)
    [one] = leased(store)
    tell(store, ATTEMPT_DIALLING, one.id, NEXT)
    assert tick(store, settings, NEXT + timedelta(minutes=30)) == []
    assert tick(store, settings, NEXT + timedelta(hours=2)) == [ATTEMPT_OUTCOME, ATTEMPT_PLANNED]
    assert outcomes(store) == ["unknown", None]
    tell(store, ATTEMPT_OUTCOME, one.id, NEXT + timedelta(minutes=2), outcome="completed", solved=True)
    assert outcomes(store) == ["completed"]
    assert the(store).state == "closed"
    assert tick(store, settings, NEXT + 3 * DAY) == []


def test_an_attempt_nobody_planned_cannot_be_applied(store: Store) -> None:
    for kind in (ATTEMPT_DIALLING, ATTEMPT_OUTCOME):
        with pytest.raises(LookupError):
            tell(store, kind, str(uuid4()), NOW, outcome="busy")


def test_every_caller_of_a_merged_case_is_asked(store: Store, settings: Settings) -> None:
    resolved(store, 1)
    resolved(store, 2, phone="13905990002")
    with store.transaction() as session:
        steps.merge(session, CITY, number(2), into=number(1), by="duty", now=NOW)
    assert tick(store, settings, NOW).count(ATTEMPT_PLANNED) == 2
    tick(store, settings, NEXT)
    first, second = sorted(leased(store), key=lambda one: one.case_number)
    for one in (first, second):
        tell(store, ATTEMPT_DIALLING, one.id, NEXT)
    tell(store, ATTEMPT_OUTCOME, first.id, NEXT, outcome="completed", solved=True)
    assert (the(store, 1).state, the(store, 2).state) == ("closed", "merged")
    tell(store, ATTEMPT_OUTCOME, second.id, NEXT, outcome="completed", solved=True)
    assert (the(store, 2).state, the(store, 2).ground) == ("closed", "citizen_confirmed")


def test_a_merged_caller_who_is_not_served_reopens_the_common_case(store: Store, settings: Settings) -> None:
    resolved(store, 1)
    resolved(store, 2, phone="13905990002")
    with store.transaction() as session:
        steps.merge(session, CITY, number(2), into=number(1), by="duty", now=NOW)
    tick(store, settings, NEXT)
    second = next(one for one in leased(store) if one.case_number == number(2))
    tell(store, ATTEMPT_DIALLING, second.id, NEXT)
    tell(store, ATTEMPT_OUTCOME, second.id, NEXT, outcome="completed", solved=False)
    assert (the(store, 1).state, the(store, 1).supervised, the(store, 2).state) == (
        "reopened",
        True,
        "merged",
    )


def test_run_now_brings_a_callback_forward_within_the_rules(store: Store, settings: Settings) -> None:
    resolved(store)
    with store.transaction() as session:
        attempt = plan.run_now(session, settings, CITY, number(1), now=NOW)
        assert attempt.planned_at == NOW
    assert tick(store, settings, NOW) == [ATTEMPT_LEASED]
    [one] = leased(store)
    tell(store, ATTEMPT_DIALLING, one.id, NOW)
    tell(store, ATTEMPT_OUTCOME, one.id, NOW, outcome="busy")
    with store.transaction() as session:
        again = plan.run_now(session, settings, CITY, number(1), now=NOW + timedelta(minutes=5))
        assert again.planned_at == NEXT  # not twice on one day


def test_run_now_is_refused_where_there_is_nobody_to_ring(store: Store, settings: Settings) -> None:
    resolved(store, 1, matter="suicide")
    resolved(store, 2, phone="13905990002")
    with store.transaction() as session:
        steps.reopen(session, CITY, number(2), reason="没好", by="duty", now=NOW)
    for n, said in ((1, "由人回访"), (2, "没有要回访")):
        with pytest.raises(Refused, match=said), store.transaction() as session:
            plan.run_now(session, settings, CITY, number(n), now=NOW)
    with pytest.raises(NotFound), store.transaction() as session:
        plan.run_now(session, settings, CITY, number(9), now=NOW)
