"""The states of a case as data: nothing leads out of nowhere, nothing closes but by a closing step."""

from __future__ import annotations

from cases.states import STATES, STEPS, UNSETTLED, allows, is_open, is_settled
from models.words import CaseState


def test_every_state_has_labels_and_a_kind() -> None:
    assert set(STATES) == set(CaseState)
    assert all(state.zh and state.en for state in STATES.values())


def test_only_confirmed_and_closed_are_settled() -> None:
    assert {state for state in CaseState if is_settled(state)} == {CaseState.CONFIRMED, CaseState.CLOSED}
    assert all(is_open(state) for state in UNSETTLED)


def test_every_state_can_be_reached_and_left() -> None:
    reached = {CaseState.OPEN} | {step.to for step in STEPS.values() if step.to}
    assert reached == set(CaseState)
    for state in CaseState:
        assert any(state in step.at and step.to not in (None, state) for step in STEPS.values()), state


def test_only_closing_steps_lead_to_closed() -> None:
    assert {name for name, step in STEPS.items() if step.to is CaseState.CLOSED} == {"close", "no_matter"}


def test_a_closed_case_can_only_be_reopened() -> None:
    assert [name for name in STEPS if allows("closed", name)] == ["reopen"]


def test_what_a_unit_reported_is_not_settled_until_the_citizen_was_asked() -> None:
    assert STEPS["resolve"].to is CaseState.RESOLVED
    assert is_open(CaseState.RESOLVED)
