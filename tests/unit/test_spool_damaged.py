"""A damaged spool costs as little as can be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.store.spool import Spool
from tests.unit.spools import begin, kept, some

__all__ = ["begin"]


def garbage(path: Path) -> None:
    path.write_bytes(b"\x00garbage" * 1_000)


def truncated(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 + 13])


def scratched(path: Path) -> None:
    """One page in the middle is nonsense."""
    data = bytearray(path.read_bytes())
    pages = len(data) // 4096
    data[4096 * (pages // 2) : 4096 * (pages // 2) + 4096] = b"\xff" * 4096
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [garbage, truncated, scratched])
def test_a_damaged_spool_is_set_aside_and_a_new_one_begun(
    begin: Callable[[], Spool], harm: Callable[[Path], None]
) -> None:
    spool, events = begin(), some(400)
    for event in events:
        spool.put(event)
    numbers = {spool.take_case_number(datetime.now(UTC).date()) for _ in range(10)}
    assert spool.stop()
    harm(spool.path)
    spool = begin()
    (event,) = some()
    spool.put(event)
    numbers |= {spool.take_case_number(datetime.now(UTC).date()) for _ in range(10)}
    assert spool.stop()
    assert spool.trouble is None and len(numbers) == 20
    aside = [path.name for path in spool.path.parent.iterdir() if ".damaged-" in path.name]
    assert aside
    now = kept(spool)
    assert now[-1] == event
    (fault,) = (one for one in now if one.kind == "LineFault")
    assert fault.body["what"] == "spool_damaged" and fault.body["set_aside"] in aside
    carried = [one for one in now if one in events]
    assert carried == [one for one in events if one in carried]  # in their order
    assert len(carried) == fault.body["carried_over"]
    if harm is scratched:
        assert len(carried) > 100


async def test_a_spool_damaged_while_it_runs_is_replaced(begin: Callable[[], Spool]) -> None:
    spool, events = begin(), some(400)
    for event in events[:200]:
        spool.put(event)
    assert await spool.on_disk(events[199].id, within=10.0)
    with sqlite3.connect(spool.path) as sql:
        sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    garbage(spool.path)
    for event in events[200:]:
        spool.put(event)
    assert await spool.on_disk(events[-1].id, within=20.0)
    assert spool.stop()
    assert {one.id for one in events[200:]} <= {one.id for one in kept(spool)}
