"""Calls N, recorded N, missing 0; take one thing away and it is 1, named with its reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.errors import NotFound
from models import kinds
from models.calls import Call, Leg, Recording
from models.event import happened
from models.log import LoggedEvent
from models.store.engine import Store
from recordings import catalogue
from recordings.cel import Seen
from recordings.lengths import Length
from recordings.project import PROJECTIONS
from recordings.reconcile import Reconciled, Why, reconcile
from recordings.seal import Sealer, tell_failure

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CALLS = [f"n1-1732450000.{number}" for number in range(3)]
LEG = f"{CALLS[0]}.op1.1"


class Site:
    """Three calls: one talked with an operator, one is sealed, one is not sealed yet."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.raw, self.sealed = store, folder / "raw", folder / "sealed"
        self.raw.mkdir()
        self.seen = [Seen(name, NOW - timedelta(minutes=5)) for name in CALLS]
        events = [happened("n1", f"call:{name}", kinds.CALL_START, caller="13905990000") for name in CALLS]
        events += [
            happened("n1", f"call:{CALLS[0]}", kinds.CALL_TALK, leg=LEG, operator="op1"),
            happened("n1", f"call:{CALLS[0]}", kinds.CALL_END, disposition="answered", seconds=10.0),
        ]
        with store.transaction() as session:
            for event in events:
                PROJECTIONS[event.kind](session, event)
        for channel in (CALLS[0], LEG, CALLS[1]):
            (self.raw / f"{channel}.raw").write_bytes(bytes(4 * 80_000))
            (self.raw / f"{channel}.done").touch()
        Sealer(store, self.raw, self.sealed, "n1").step()
        (self.raw / f"{CALLS[2]}.raw").write_bytes(bytes(400))

    def count(self, *more: Seen) -> Reconciled:
        with self.store.reading() as session:
            return reconcile(session, [*self.seen, *more], raw=self.raw, sealed=self.sealed, now=NOW)

    def path(self, channel: str) -> Path:
        with self.store.reading() as session:
            return catalogue.path_of(self.sealed, catalogue.recording(session, channel))

    def delete(self, kind: type[Call] | type[Leg] | type[Recording], name: object) -> None:
        with self.store.transaction() as session:
            session.delete(session.get_one(kind, name))


@pytest.fixture
def site(store: Store, tmp_path: Path) -> Site:
    return Site(store, tmp_path)


def test_all_is_there(site: Site) -> None:
    account = site.count()
    assert (account.calls, account.recorded, account.missing, account.doubtful) == (3, 3, (), {})
    assert "3" in account.sentence


def _raw_gone(site: Site) -> None:
    (site.raw / f"{CALLS[2]}.raw").unlink()


def _row_gone(site: Site) -> None:
    site.delete(Call, CALLS[1])


def _sealed_gone(site: Site) -> None:
    site.path(CALLS[1]).unlink()


def _sealed_changed(site: Site) -> None:
    with site.path(CALLS[1]).open("ab") as file:
        file.write(b"more")


def _leg_gone(site: Site) -> None:
    with site.store.reading() as session:
        row = catalogue.recording(session, LEG)
    site.delete(Recording, row.id)


@pytest.mark.parametrize(
    ("take", "call", "why"),
    [
        (_raw_gone, CALLS[2], Why.NO_SOUND),
        (_row_gone, CALLS[1], Why.NO_ROW),
        (_sealed_gone, CALLS[1], Why.FILE_GONE),
        (_sealed_changed, CALLS[1], Why.FILE_CHANGED),
        (_leg_gone, CALLS[0], Why.LEG_NO_SOUND),
    ],
)
def test_one_thing_less_makes_it_one(site: Site, take: Callable[[Site], None], call: str, why: Why) -> None:
    take(site)
    account = site.count()
    assert (account.calls, account.recorded) == (3, 2)
    (wrong,) = account.missing
    assert (wrong.call, wrong.why) == (call, why)
    assert call in wrong.sentence


def test_a_call_of_this_moment_is_not_missing_yet(site: Site) -> None:
    account = site.count(Seen("n1-1732450000.9", NOW - timedelta(seconds=2)))
    assert (account.calls, account.missing) == (3, ())


def test_a_short_recording_is_named_unless_its_gap_is_known(site: Site) -> None:
    with site.store.transaction() as session:
        session.get_one(Call, CALLS[0]).seconds = 20.0
    assert site.count().doubtful == {CALLS[0]: Length.SHORT}
    with site.store.transaction() as session:
        assert tell_failure(session, "n1", CALLS[0], CALLS[0], "grows_again", gap=10.0)
    assert site.count().doubtful == {}


def test_hearing_a_recording_leaves_a_trace(site: Site) -> None:
    with site.store.transaction() as session:
        row = catalogue.recording(session, CALLS[1])
        catalogue.replayed(session, "op1", row, node="n1")
    with site.store.reading() as session:
        (event,) = session.query(LoggedEvent).filter_by(kind=kinds.REPLAYED)
        assert (event.stream, event.body) == (
            f"call:{CALLS[1]}",
            {"who": "op1", "recording": str(row.id)},
        )


def test_the_catalogue_lists_finds_and_refuses(site: Site) -> None:
    with site.store.reading() as session:
        assert {call.id for call in catalogue.calls(session, number="0000")} == set(CALLS)
        assert catalogue.calls(session, number="_") == []
        assert [call.id for call in catalogue.calls(session, disposition="answered")] == [CALLS[0]]
        assert [row.channel for row in catalogue.recordings(session, CALLS[0])] == [CALLS[0], LEG]
        whole = catalogue.call(session, CALLS[0])
        assert [leg.id for leg in whole.legs] == [LEG]
        with pytest.raises(NotFound):
            catalogue.call(session, "n1-1732450000.77")
        with pytest.raises(NotFound):
            catalogue.recording(session, "n1-1732450000.77")
