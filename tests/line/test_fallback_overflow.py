"""Nobody answered for three rounds: the duty leader's telephone is rung too, and sees the line's own number. Told for
a stranger's call, who is not behind any trunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.phones import Phone

LEADER = "13900000000"


@pytest.fixture
def with_leader(tmp_path: Path, line_maker: Any) -> Iterator[Any]:
    running = line_maker(tmp_path / "a", overflow=(LEADER,), fallback_rings=2)
    yield running
    running.process.stop(now=True)


async def test_the_leader_is_rung_and_talks_to_a_stranger(with_leader: Any, tmp_path: Path) -> None:
    asterisk = with_leader
    stranger = Phone("anonymous", address="127.0.0.5", folder=tmp_path)
    async with asterisk.citizen(tmp_path, number=LEADER) as leader, stranger:
        await leader.manner(answer_after=0.2)
        call = await stranger.call(f"sip:110@{asterisk.sip}")
        await call.answered(within=5)
        talk = await leader.next_call(within=20)
        assert talk.caller == "05986110110"
        await talk.answered(within=5)
        await call.tone(700, 1.0)
        await talk.heard_sound(within=5)
        assert call.closed is None
        await call.hang_up()
        await talk.ended(within=5)
    await asterisk.until(lambda: len(list(asterisk.settings.raw.glob("*.done"))) == 2, 5, "both recordings")
