"""Doing a unit of work again when another came first, and the compare-and-set that decides who did."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from models.base import Base
from models.store.engine import Store
from models.store.errors import Conflict

Result = TypeVar("Result")


def retrying(store: Store, work: Callable[[Session], Result], *, tries: int = 5) -> Result:
    """The result of `work` in a committed transaction, done again after a `Conflict`, in a new session.

    Raises `Conflict` after the last try, and whatever else `transaction` or `work` raise, at once.
    """
    for number in range(tries):
        try:
            with store.transaction() as session:
                return work(session)
        except Conflict:
            if number == tries - 1:
                raise
            time.sleep(random.uniform(0.5, 1.0) * 0.02 * 2**number)
    raise ValueError("tries must be at least 1")


def swap(session: Session, table: type[Base], seen: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    """Compare-and-set: changes the one row that still is as it was `seen`; False when it no longer is.

    Objects of that row in the session are brought up to date.
    """
    query = update(table).filter_by(**seen).values(**change).execution_options(synchronize_session="fetch")
    result = session.execute(query)
    return isinstance(result, CursorResult) and result.rowcount == 1
