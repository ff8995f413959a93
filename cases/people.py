"""Who may decide: the duty supervisor of the city file, and the operators of the store."""

from __future__ import annotations

from sqlalchemy.orm import Session

from config.city.model import City
from config.errors import NotFound, Refused
from config.language import _
from models.cases import Operator
from models.words import Role


def need_person(session: Session, city: City, by: str) -> None:
    """Raises `Refused` unless `by` is a person of this line: some decisions are never a program's."""
    if not _known(session, city, by):
        raise Refused(_("这一步须由在岗人员决定，而“{by}”不在名册上", by=by))


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
