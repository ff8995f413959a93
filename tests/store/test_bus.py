"""The doorbell: heard by those who listen for its topic, never in anybody's way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.store import bus_postgresql
from models.store.bus import Bell, Listener, Ring, Where, place


@pytest.fixture
def where(dialect: str, store_url: str, tmp_path: Path) -> Where:
    return place(store_url, tmp_path / "run")


@pytest.fixture
def bell(where: Where) -> Iterator[Bell]:
    made = Bell(where)
    yield made
    made.close()


async def test_a_ring_is_heard_by_all_who_listen_for_its_topic(where: Where, bell: Bell) -> None:
    one, two, three = (Listener(where, topics) for topics in (["orders"], ["cases", "orders"], ["calls"]))
    async with one, two, three:
        bell.ring("orders", "17")
        assert await one.wait(10.0) == await two.wait(10.0) == Ring("orders", "17")
        bell.ring("calls", "n1-1.1")
        assert await three.wait(10.0) == Ring("calls", "n1-1.1")
        assert await one.wait(0.05) is None


async def test_rings_come_in_order_and_keep_their_text(where: Where, bell: Bell) -> None:
    texts = ["", "a b  c", "城南路积水", "x" * 7_000, "last"]
    async with Listener(where, ["live"]) as listener:
        for text in texts:
            bell.ring("live", text)
        heard = []
        async for ring in listener:
            heard.append(ring.id)
            if ring.id == "last":
                break
    assert heard == texts


async def test_nobody_listens_and_nothing_happens(bell: Bell) -> None:
    for _ in range(3):
        bell.ring("orders", "1")


@pytest.mark.parametrize("text", ["\ud800", "\x00", "长" * 100_000])
async def test_an_odd_text_disturbs_nobody(where: Where, bell: Bell, text: str) -> None:
    async with Listener(where, ["live"]) as listener:
        bell.ring("live", text)
        bell.ring("live", "next")
        while (ring := await listener.wait(10.0)) is not None and ring.id != "next":
            pass
        assert ring == Ring("live", "next")


async def test_a_listener_that_does_not_read_holds_up_nobody(where: Where, bell: Bell) -> None:
    async with Listener(where, ["live"]) as busy, Listener(where, ["live"]):
        for number in range(5_000):  # more than any socket or queue holds
            bell.ring("live", str(number))
        assert await busy.wait(10.0) == Ring("live", "0")


async def test_a_wait_without_a_ring_loses_no_later_one(where: Where, bell: Bell) -> None:
    async with Listener(where, ["orders"]) as listener:
        for number in range(20):
            assert await listener.wait(0.0) is None
            bell.ring("orders", str(number))
            assert await listener.wait(10.0) == Ring("orders", str(number))


async def test_a_dead_listeners_socket_is_swept_away(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "bus"
    folder.mkdir(parents=True)
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(folder / "1-dead"))
    dead.close()
    bell = Bell(tmp_path / "run")
    async with Listener(tmp_path / "run", ["orders"]) as listener:
        bell.ring("orders", "1")
        assert await listener.wait(10.0) == Ring("orders", "1")
        assert len(list(folder.iterdir())) == 1
    assert list(folder.iterdir()) == []
    bell.close()


async def test_a_deep_directory_is_no_hindrance(tmp_path: Path) -> None:
    run = tmp_path.joinpath(*["a_rather_long_name_of_a_folder"] * 6)
    bell = Bell(run)
    async with Listener(run, ["orders"]) as listener:
        bell.ring("orders", "1")
        assert await listener.wait(10.0) == Ring("orders", "1")
    bell.close()


async def test_after_a_lost_connection_it_rings_again(
    dialect: str, where: Where, bell: Bell, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dialect == "sqlite":
        pytest.skip("a socket in a directory has no connection to lose")
    monkeypatch.setattr(bus_postgresql, "_PAUSE", 0.05)
    async with Listener(where, ["orders"]) as listener:
        bell.ring("orders", "1")
        assert await listener.wait(10.0) == Ring("orders", "1")
        request.getfixturevalue("postgresql").run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname LIKE 'test_%'"
        )
        ring = None
        for number in range(100):
            bell.ring("orders", f"again {number}")
            if (ring := await listener.wait(0.1)) is not None:
                break
        assert ring is not None and ring.id.startswith("again")


async def test_a_listener_waits_for_a_database_that_is_away() -> None:
    async with Listener("postgresql://nobody@127.0.0.1:9/none", ["orders"]) as listener:
        assert await listener.wait(0.05) is None
    bell = Bell("postgresql://nobody@127.0.0.1:9/none")
    bell.ring("orders", "1")
    bell.close()
    await asyncio.sleep(0)
