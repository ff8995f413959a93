"""The contract, held by FakeAsterisk, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from telephony.fake.asterisk import FakeAsterisk
from tests.contract.world import FakeWorld

pytest.register_assert_rewrite("tests.contract.behaviours")
from tests.contract.behaviours import *  # noqa: E402, F403

pytestmark = pytest.mark.looptime


@pytest_asyncio.fixture
async def world() -> AsyncIterator[FakeWorld]:
    world = await FakeWorld.open(FakeAsterisk())
    yield world
    await world.close()
