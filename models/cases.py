"""Cases, their assignments, callbacks and attempts; citizens; operators and shifts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, one_of
from models.words import AttemptState, CaseState, Ground


class Case(Base):
    """`version` is for compare-and-set: a step names the state and version it saw."""

    __tablename__ = "case_file"  # "case" is a reserved word in SQL
    __table_args__ = (
        CheckConstraint(one_of("state", CaseState), name="state"),
        CheckConstraint(f"ground IS NULL OR {one_of('ground', Ground)}", name="ground"),
        CheckConstraint(
            "state <> 'closed' OR (ground IS NOT NULL AND ground <> '')", name="closed_has_ground"
        ),
        CheckConstraint("owner <> ''", name="has_owner"),
        CheckConstraint(
            "state <> 'merged' OR (merged_into IS NOT NULL AND merged_into <> number)",
            name="merged_somewhere",
        ),
        # Withheld numbers are left out: they are many callers, who share a million codes.
        Index(
            "uq_case_file_phone_code",
            "phone",
            "code",
            unique=True,
            sqlite_where=text("phone <> ''"),
            postgresql_where=text("phone <> ''"),
        ),
        Index("ix_case_file_state_due", "state", "due_at"),
        Index("ix_case_file_unit_state", "unit", "state"),
        Index("ix_case_file_owner_state", "owner", "state"),
    )

    number: Mapped[str] = mapped_column(primary_key=True)  # date-node-sequence
    code: Mapped[str]  # spoken: six digits and a check digit
    phone: Mapped[
        str
    ]  # the number its caller used; "" when withheld (then its code is unique per spool only)
    callback_phone: Mapped[str] = mapped_column(index=True)  # the caller's number, or one confirmed by key
    call_id: Mapped[str] = mapped_column(index=True)  # the call that opened it
    opened_at: Mapped[datetime] = mapped_column(index=True)
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str]
    kind: Mapped[str]  # civic | police | no_matter | silent | abandoned
    priority: Mapped[str]
    owner: Mapped[str]  # operator id; the duty supervisor until an operator claims it
    offered_to: Mapped[str | None]  # a hand-over waiting for this operator's acceptance
    welfare: Mapped[bool] = mapped_column(default=False)  # a person must call back at once
    confidential: Mapped[bool] = mapped_column(default=False)
    supervised: Mapped[bool] = mapped_column(default=False)  # 督办
    summary: Mapped[str] = mapped_column(default="")
    place: Mapped[str] = mapped_column(default="")
    matter: Mapped[str | None]
    unit: Mapped[str | None]
    suggested_matter: Mapped[str | None]
    suggested_unit: Mapped[str | None]
    ground: Mapped[str | None]
    ground_note: Mapped[str] = mapped_column(default="")
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("case_file.number"))
    accept_by: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    assignments: Mapped[list[Assignment]] = relationship(order_by="Assignment.assigned_at")
    callbacks: Mapped[list[Callback]] = relationship(order_by="Callback.planned_at")


class Assignment(Base):
    __tablename__ = "assignment"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_number: Mapped[str] = mapped_column(ForeignKey("case_file.number"), index=True)
    unit: Mapped[str] = mapped_column(index=True)
    lead: Mapped[bool] = mapped_column(default=True)
    assigned_at: Mapped[datetime]
    assigned_by: Mapped[str]
    accepted_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    result: Mapped[str] = mapped_column(default="")
    returned_at: Mapped[datetime | None]
    return_reason: Mapped[str] = mapped_column(default="")
    extended_to: Mapped[datetime | None]


class Callback(Base):
    """One round of asking one citizen about one case: one resolution, one callback."""

    __tablename__ = "callback"
    __table_args__ = (
        CheckConstraint(one_of("state", ("open", "person", "done")), name="state"),
        Index(
            "uq_callback_case_open",
            "case_number",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_callback_state_due", "state", "due_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_number: Mapped[str] = mapped_column(ForeignKey("case_file.number"), index=True)
    phone: Mapped[str]
    planned_at: Mapped[datetime]
    due_at: Mapped[datetime]
    state: Mapped[str]  # open | person (on the person's list) | done
    why_person: Mapped[str] = mapped_column(default="")
    contacted: Mapped[bool | None]
    solved: Mapped[bool | None]
    satisfied: Mapped[bool | None]
    disposition: Mapped[str | None]  # Outcome of the attempt that settled it
    done_at: Mapped[datetime | None]

    attempts: Mapped[list[Attempt]] = relationship(order_by="Attempt.planned_at")


class Attempt(Base):
    """`id` is also the channel's id: once its dialling is spooled it is never dialled again."""

    __tablename__ = "attempt"
    __table_args__ = (
        CheckConstraint(one_of("state", AttemptState), name="state"),
        CheckConstraint("state <> 'done' OR outcome IS NOT NULL", name="done_has_outcome"),
        Index(
            "uq_attempt_phone_live",
            "phone",
            unique=True,
            sqlite_where=text("state IN ('leased', 'dialling')"),
            postgresql_where=text("state IN ('leased', 'dialling')"),
        ),
        Index("ix_attempt_phone_planned", "phone", "planned_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    callback_id: Mapped[UUID] = mapped_column(ForeignKey("callback.id"), index=True)
    case_number: Mapped[str] = mapped_column(index=True)
    phone: Mapped[str]
    state: Mapped[str]  # AttemptState
    planned_at: Mapped[datetime]
    leased_at: Mapped[datetime | None]
    dialled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    call_id: Mapped[str | None]
    outcome: Mapped[str | None]  # Outcome
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Citizen(Base):
    __tablename__ = "citizen"

    phone: Mapped[str] = mapped_column(primary_key=True)
    do_not_call: Mapped[bool] = mapped_column(default=False)
    nuisance: Mapped[bool] = mapped_column(default=False)
    safe_from: Mapped[str | None]  # HH:MM, city time
    safe_to: Mapped[str | None]
    marks: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Operator(Base):
    """A person and the telephone account of their seat."""

    __tablename__ = "operator"

    id: Mapped[str] = mapped_column(primary_key=True)  # account name on the telephone, e.g. op1
    number: Mapped[str] = mapped_column(unique=True)  # 工号, spoken to the citizen
    name: Mapped[str]
    role: Mapped[str]
    skills: Mapped[list[Any]] = mapped_column(default=list)
    active: Mapped[bool] = mapped_column(default=True)


class Shift(Base):
    """Who led, from when to when."""

    __tablename__ = "shift"
    __table_args__ = (
        Index(
            "uq_shift_operator_open",
            "operator",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_shift_began", "began_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    operator: Mapped[str] = mapped_column(ForeignKey("operator.id"))
    led: Mapped[bool] = mapped_column(default=False)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Order(Base):
    """A command to the line: a row with who, from which session, until when; done once or refused as late."""

    __tablename__ = "line_order"
    __table_args__ = (
        Index(
            "ix_line_order_open",
            "at",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    what: Mapped[str]
    body: Mapped[dict[str, Any]]
    by: Mapped[str]
    session: Mapped[str]
    at: Mapped[datetime]
    expires_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    result: Mapped[str | None]
