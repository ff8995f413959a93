"""The people of the line and the telephone accounts of their seats."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.errors import NotFound, Refused
from config.language import _
from models import kinds
from models.cases import Operator
from models.event import happened
from models.store.engine import Store
from models.store.log import record
from models.words import Role

FIRST = (("op1", "101", "接警员一"), ("op2", "102", "接警员二"), ("op3", "103", "接警员三"))


@dataclass(frozen=True)
class Seat:
    """`id` is the account on the telephone, `number` the 工号 that the citizen hears."""

    id: str
    number: str
    name: str
    role: str


def ensure(store: Store, node: str, first: int = len(FIRST)) -> list[Seat]:
    """The active seats; a line that never had anybody gets its `first` ones."""
    with store.transaction() as session:
        if session.scalars(select(Operator).limit(1)).first() is None:
            for id, number, name in FIRST[:first]:
                add(session, id, number, name, node=node, by="setup")
        return active(session)


def active(session: Session) -> list[Seat]:
    rows = session.scalars(select(Operator).where(Operator.active).order_by(Operator.number))
    return [Seat(row.id, row.number, row.name, row.role) for row in rows]


def add(
    session: Session,
    id: str,
    number: str,
    name: str,
    *,
    role: Role = Role.OPERATOR,
    node: str,
    by: str,
) -> Seat:
    """A new seat, or one that went and comes back. Raises `Refused` for an account or number in use."""
    there = session.get(Operator, id)
    if there is not None and there.active:
        raise Refused(_("已有接警员“{id}”", id=id))
    taken = session.scalars(select(Operator).where(Operator.number == number, Operator.id != id)).first()
    if taken is not None:
        raise Refused(_("工号 {number} 已是“{id}”的", number=number, id=taken.id))
    row = there or Operator(id=id)
    row.number, row.name, row.role, row.active = number, name, role.value, True
    row.skills = row.skills or []
    session.add(row)
    _changed(session, id, "added", node, by)
    return Seat(id, number, name, role.value)


def remove(session: Session, id: str, *, node: str, by: str) -> None:
    """The seat rings no more; its name stays with what it did. Raises `NotFound`."""
    row = session.get(Operator, id)
    if row is None or not row.active:
        raise NotFound(_("没有接警员“{id}”", id=id))
    row.active = False
    _changed(session, id, "removed", node, by)


def _changed(session: Session, id: str, what: str, node: str, by: str) -> None:
    session.flush()
    record(session, happened(node, f"seat:{id}", kinds.OPERATOR_CHANGED, what=what, by=by))
