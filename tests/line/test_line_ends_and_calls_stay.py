"""The line is restarted while people talk: nobody is cut off, and the new line takes the next call."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.line.site import CITIZEN, Site

OTHER = "13859900002"


async def test_line_ends_and_calls_stay(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=2) as site:
        operator, citizen = await site.seat("op1"), await site.citizen(CITIZEN)
        talk = await citizen.call(site.uri)
        ring = await operator.next_call(within=5)
        await ring.answer()
        await talk.answered(within=3)
        ring.listen_anew()
        await talk.tone(440, 2.0)
        await ring.heard_sound(within=5)

        line = site.process("line")
        site.stop("line")
        assert line.returncode == 0
        ring.listen_anew()
        await talk.tone(440, 2.0)
        await ring.heard_sound(within=5)
        assert talk.closed is None

        (site.settings.run / "line.json").unlink()
        site.start("line")
        await site.until(lambda: (site.settings.run / "line.json").exists() or None, "the new line", 20)
        await talk.keys("0")  # of a call it does not know
        await asyncio.sleep(1.0)
        await talk.hang_up()
        await ring.hang_up()
        again = await citizen.call(site.uri)
        second = await operator.next_call(within=8)
        await second.answer()
        await again.answered(within=3)
        await again.hang_up()
        await second.ended(within=3)
        assert site.process("line").poll() is None
        assert "Traceback" not in site.log("line")
