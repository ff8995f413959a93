"""What the tests of the line in virtual time share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ivr.dialogues import hearing
from tests.unit.line_world import World


async def _at_once(work: Callable[[Path], float], path: Path) -> float:
    return work(path)


@pytest_asyncio.fixture
async def make_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Awaitable[World]]]:
    """A line on a FakeAsterisk with so many seats. No thread works in it: threads do not keep virtual time."""
    monkeypatch.setattr(hearing.asyncio, "to_thread", _at_once)
    made: list[World] = []

    async def make(seats: int = 1, *, after: World | None = None, **line: Any) -> World:
        folder = after.settings.var if after is not None else tmp_path / f"var{len(made)}"
        world = World(folder, seats, after=after, **line)
        made.append(world)
        await world.open()
        return world

    yield make
    for world in made:
        await world.close()


@pytest_asyncio.fixture
async def world(make_world: Callable[..., Awaitable[World]]) -> World:
    """A line with two seats, whose phones are not registered yet."""
    return await make_world(2)
