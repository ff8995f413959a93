"""Every minute: what is not whole is told once, and nothing is said while the store is behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from config.settings import Settings, load
from ivr.work.accounting import Accounting
from ivr.work.feeding import Feeding
from ivr.work.sealing import Watching
from models import kinds
from models.event import happened, now
from models.log import LoggedEvent
from models.store.bus import Bell
from models.store.engine import Store
from models.store.spool import Spool
from recordings.cel import Cel, Seen

CALL = "n1-1732450000.12"


class Node:
    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.settings: Settings = load(folder)
        self.settings.raw.mkdir(parents=True)
        self.cel = Cel(self.settings.cel)
        self.cel.calls[CALL] = Seen(CALL, now() - timedelta(minutes=1))
        self.accounting = Accounting(self.settings, store, self.cel)
        self.feeding = Feeding(self.settings, store, Bell(self.settings.run), lambda: None)

    def start_told(self) -> None:
        spool = Spool(self.settings.spool, "n1")
        spool.start()
        spool.put(happened("n1", f"call:{CALL}", kinds.CALL_START, direction="in", caller="13905990000"))
        spool.stop()

    def failures(self) -> list[dict[str, object]]:
        query = (
            select(LoggedEvent.body)
            .where(LoggedEvent.kind == kinds.RECORDING_FAILED)
            .order_by(LoggedEvent.seq)
        )
        with self.store.reading() as session:
            return list(session.scalars(query))


@pytest.fixture
def node(store: Store, tmp_path: Path) -> Node:
    return Node(store, tmp_path / "var")


def test_what_is_missing_is_an_event_once(node: Node) -> None:
    for _minute in range(3):
        account = node.accounting.tick()
        assert account is not None
        assert (account.calls, account.recorded) == (1, 0)
    assert [body["why"] for body in node.failures()] == ["no_row"]


def test_nothing_is_said_while_the_store_is_behind(node: Node) -> None:
    node.start_told()
    (node.settings.raw / f"{CALL}.raw").touch()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=30), tick=False):
        assert node.accounting.tick() is None
        while not node.feeding.drained():
            continue
        account = node.accounting.tick()
    assert account is not None
    assert (account.calls, account.missing) == (1, ())
    assert node.failures() == []


def test_a_stall_of_a_live_file_is_an_event_and_so_is_its_end(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("ivr.work.sealing.time.monotonic", lambda: clock[0])
    watching = Watching(node.settings, node.store, node.cel)
    with (node.settings.raw / f"{CALL}.raw").open("ab") as recorder:
        for at, data in ((0.0, b"1"), (3.0, b""), (6.0, b""), (9.0, b"2"), (10.0, b"3")):
            recorder.write(data)
            recorder.flush()
            clock[0] = at
            watching.step()
    assert [(body["why"], body.get("gap")) for body in node.failures()] == [
        ("stalled", None),
        ("grows_again", 9.0),
    ]
