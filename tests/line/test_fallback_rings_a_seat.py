"""The line is not running. Asterisk alone rings a seat, both hear each other, both are recorded; when the seat hangs
up the citizen is kept and rung for again; only the citizen ends the call.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np

from demo.phones import Phone


def tones(raw: Path) -> list[set[int]]:
    """Which of our two tones each side of a recording holds."""
    samples = np.frombuffer(raw.read_bytes()[: raw.stat().st_size // 4 * 4], dtype="<i2").reshape(-1, 2)
    found: list[set[int]] = [set(), set()]
    for side in (0, 1):
        for start in range(0, len(samples) - 4000, 4000):
            part = samples[start : start + 4000, side].astype(float)
            spectrum = np.abs(np.fft.rfft(part * np.hanning(4000))) ** 2
            whole = spectrum.sum()
            for hertz in (700, 1000):
                around = spectrum[hertz // 2 - 5 : hertz // 2 + 6].sum()
                if whole > 1e9 and around / whole > 0.9:
                    found[side].add(hertz)
    return found


async def test_a_seat_answers_and_hangs_up_and_the_citizen_stays(asterisk: Any, tmp_path: Path) -> None:
    async with asterisk.citizen(tmp_path) as citizen, asterisk.seat("op1", tmp_path) as seat:
        await seat.register()
        await asterisk.reachable("op1")
        await seat.manner(answer_after=0.5)
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        await call.answered(within=5)
        talk = await seat.next_call(within=5)
        assert talk.caller == "13859912345"
        await talk.answered(within=5)
        await call.tone(700, 2.0)
        await talk.tone(1000, 2.0)
        await asyncio.sleep(2.5)
        await _ends_and_is_rung_again(seat, talk)
        assert call.closed is None
        await call.hang_up()
        await asterisk.until(lambda: not asterisk.channels(), 10, "all legs to be gone")
    assert call.closed.by == "here"
    _both_recorded(asterisk)


async def _ends_and_is_rung_again(seat: Phone, talk: Any) -> None:
    await seat.manner(answer_after=None)
    await talk.hang_up()
    again = await seat.next_call(within=15)
    assert again.answered_at is None


def _both_recorded(asterisk: Any) -> None:
    raws = sorted(asterisk.settings.raw.glob("*.raw"))
    assert len(raws) == 2, "the citizen's channel and the leg of the seat that answered"
    assert all(raw.with_suffix(".done").exists() for raw in raws)
    citizen, seat = sorted(raws, key=lambda raw: -raw.stat().st_size)
    assert 700 in tones(citizen)[0] and 1000 in tones(citizen)[1]
    assert 1000 in tones(seat)[0] and 700 in tones(seat)[1]
