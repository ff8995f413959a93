"""Case numbers and codes are never given twice, and nothing promised is lost by a kill."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from models.store.spool import Spool
from tests.unit.spools import DAY, begin, kept, until

__all__ = ["begin"]


def test_numbers_are_counted_by_day_and_node(begin: Callable[[], Spool]) -> None:
    spool = begin()
    assert [spool.take_case_number(DAY) for _ in range(3)] == [f"20261124-n1-0000{n}" for n in (1, 2, 3)]
    assert spool.take_case_number(DAY + timedelta(days=1)) == "20261125-n1-00001"
    assert spool.take_case_number(DAY) == "20261124-n1-00004"


def test_a_restart_leaves_a_gap_and_repeats_nothing(begin: Callable[[], Spool]) -> None:
    numbers: list[str] = []
    codes: list[str] = []
    for _ in range(3):
        spool = begin()
        numbers += [spool.take_case_number(DAY) for _ in range(10)]
        codes += [spool.take_code("13900000000") for _ in range(10)]
        spool.stop()
    assert len(set(numbers)) == 30 and len(set(codes)) == 30


def test_after_a_million_codes_a_number_still_gets_none_twice(begin: Callable[[], Spool]) -> None:
    codes: list[str] = []
    for _ in range(2):
        spool = begin()
        with sqlite3.connect(spool.path) as sql:
            sql.execute("UPDATE meta SET value = '999000' WHERE name = 'codes'")
        spool.stop()
        spool = begin()
        codes += [spool.take_code("13900000000") for _ in range(400)]
        spool.stop()
    assert len(set(codes)) == len(codes) == 800


def test_telephone_numbers_are_kept_as_keyed_digests_only(begin: Callable[[], Spool]) -> None:
    spool = begin()
    spool.take_code("13905990110")
    assert spool.stop()
    assert b"13905990110" not in spool.path.read_bytes()
    with sqlite3.connect(spool.path) as sql:
        assert sql.execute("SELECT count(*) FROM code").fetchone() == (1,)
    assert spool.path.stat().st_mode & 0o077 == 0


def test_killed_at_any_moment_nothing_promised_is_lost_and_no_number_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    program = textwrap.dedent("""
        import asyncio, sys
        from datetime import date
        from pathlib import Path
        from models.event import happened
        from models.store.spool import Spool

        async def main():
            spool = Spool(Path(sys.argv[1]), "n1")
            spool.start()
            while True:
                number = spool.take_case_number(date(2026, 11, 24))
                code = spool.take_code("13900000000")
                event = happened("n1", f"case:{number}", "CaseOpened", code=code)
                spool.put(event)
                if await spool.on_disk(event.id, within=10.0):
                    print(event.id, number, code, flush=True)

        asyncio.run(main())
    """)
    said: list[list[str]] = []
    for lines in (1, 17, 60):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(lines):
            said.append(child.stdout.readline().split())
        child.kill()
        said += [line.split() for line in child.stdout.read().splitlines() if line.count(" ") == 2]
        child.wait()
        child.stdout.close()
    spool = Spool(path, "n1")
    spool.start()
    there = {str(event.id) for event in kept(spool)}
    assert spool.stop()
    ids, numbers, codes = zip(*said, strict=True)
    assert set(ids) <= there
    assert len(set(numbers)) == len(numbers) and len(set(codes)) == len(codes)


def test_numbers_of_days_that_are_expected_are_reserved_beforehand(begin: Callable[[], Spool]) -> None:
    spool = begin()
    far = DAY + timedelta(days=40)
    spool.expect(far)
    assert until(
        lambda: spool._numbers.reserved_for(far) and spool._numbers.reserved_for(far + timedelta(days=1))
    )
    assert spool.take_case_number(far) == f"{far:%Y%m%d}-n1-00001"
