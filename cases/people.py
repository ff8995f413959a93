"""Who may act: the duty supervisor of the city file, the operators of the store, and the unit that has the case."""

from __future__ import annotations

from sqlalchemy.orm import Session

from config.city.model import City
from config.errors import NotFound, Refused
from config.language import _
from models.cases import Operator
from models.words import Role


def need_person(session: Session, city: City, by: str) -> None:
    """Raises `Refused` unless `by` is a person of this line: a step by hand is never nobody's, nor a program's."""
    _need_named(by)
    if not _known(session, city, by):
        raise Refused(_("这一步须由在岗人员决定，而“{by}”不在名册上", by=by))


def need_unit_or_person(session: Session, city: City, by: str, unit: str) -> None:
    """Raises `Refused` unless `by` is the unit that has the case, or a person of this line who acts for it."""
    _need_named(by)
    if by != unit and not _known(session, city, by):
        name = city.unit(unit).name
        raise Refused(_("这一步须由{unit}或在岗人员登记，“{by}”两者都不是", unit=name, by=by))


def need_supervisor(session: Session, city: City, by: str) -> None:
    """Raises `Refused` unless `by` may decide as a supervisor."""
    operator = session.get(Operator, by)
    leads = (
        operator is not None and operator.active and operator.role in (Role.SUPERVISOR, Role.ADMINISTRATOR)
    )
    if by != city.supervisor.id and not leads:
        raise Refused(_("这一步须由班长决定，“{by}”不是班长", by=by))


def need_operator(session: Session, city: City, id: str) -> None:
    """Raises `NotFound` for an operator whom the line does not have."""
    if not _known(session, city, id):
        raise NotFound(_("没有接警员“{id}”", id=id))


def _known(session: Session, city: City, id: str) -> bool:
    operator = session.get(Operator, id)
    return id == city.supervisor.id or (operator is not None and operator.active)


def _need_named(by: str) -> None:
    if not by:
        raise Refused(_("每一步都要写明由谁做"))
