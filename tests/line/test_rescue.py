"""Whatever a dead line plays or records to a citizen does not keep them from the fallback; a talk is left alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ivr import rescue
from telephony.asterisk.process import configuration
from tests.line.test_fallback_line_returns import APP, Line, line

HOLDS: dict[str, tuple[str, dict[str, str]]] = {
    "a sound without end": ("play", {"media": "tone:ring"}),
    "a clip": ("record", {"name": "clip", "format": "wav", "maxSilenceSeconds": "60"}),
    "silence": ("silence", {}),
}


async def rescued(asterisk: Any) -> dict[str, int]:
    """As the guard has it done."""
    settings = asterisk.settings
    program = str(asterisk.installation.program)
    ari = rescue.Asterisk(settings.asterisk.http_port, "minsheng", asterisk.secrets.ari)
    return await asyncio.to_thread(
        rescue.rescue,
        ari,
        ["ms-110", "ms-fallback"],
        "ms-fallback",
        [program, "-C", str(configuration(settings)), "-rx"],
    )


async def claimed(app: Line) -> str:
    start = await asyncio.wait_for(app.starts.get(), 5)
    return str(start["channel"]["id"])


@pytest.mark.parametrize("what", HOLDS)
async def test_a_citizen_is_taken_out_of_it(asterisk: Any, tmp_path: Path, what: str) -> None:
    async with (
        line(asterisk) as app,
        asterisk.seat("op1", tmp_path) as seat,
        asterisk.citizen(tmp_path) as citizen,
    ):
        await seat.register()
        await asterisk.reachable("op1")
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        channel = await claimed(app)
        verb, query = HOLDS[what]
        assert await app.post(f"channels/{channel}/{verb}", **query) in (201, 204)
        app.hangs = True
        assert await rescued(asterisk) == {"callers": 1, "phones": 0}
        await seat.next_call(within=5)
        assert call.closed is None
        await call.hang_up()
    await asterisk.until(lambda: not asterisk.channels(), 10, "all legs to be gone")
    recordings = list(asterisk.settings.raw.glob(f"{channel}*.raw"))
    assert len(recordings) == 1 and recordings[0].with_suffix(".done").exists()


async def test_phones_of_the_dead_line_stop_and_who_talks_is_left_alone(
    asterisk: Any, tmp_path: Path
) -> None:
    async with (
        line(asterisk) as app,
        asterisk.seat("op2", tmp_path) as seat,
        asterisk.seat("op3", tmp_path) as other,
        asterisk.citizen(tmp_path) as citizen,
    ):
        for phone in (seat, other):
            await phone.register()
        await asterisk.reachable("op2", "op3")
        call = await citizen.call(f"sip:110@{asterisk.sip}")
        channel = await claimed(app)
        await seat.manner(answer_after=0.2)
        for name in ("op2", "op3"):
            path = f"channels/{channel}.{name}.1"
            query = {"endpoint": f"PJSIP/{name}", "context": "ms-seat", "extension": "s", "priority": "1"}
            async with app.http.post(
                f"{app.base}/{path}", params=query, json={"variables": {"MS_APP": APP}}
            ) as reply:
                assert reply.status == 200
        assert await claimed(app) == f"{channel}.op2.1"
        rung = await other.next_call(within=5)
        assert await app.post("bridges/talk", type="mixing") == 200
        assert await app.post("bridges/talk/addChannel", channel=f"{channel},{channel}.op2.1") == 204
        assert await rescued(asterisk) == {"callers": 0, "phones": 1}
        await rung.ended(within=5)
        await call.tone(700, 1.0)
        await seat.talk.heard_sound(within=5)
        assert (call.closed, seat.talk.closed, len(other.talks)) == (None, None, 1)
        await call.hang_up()
        await app.http.delete(f"{app.base}/channels/{channel}.op2.1")
