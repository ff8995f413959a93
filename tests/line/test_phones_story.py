"""The story of the demo, told over a whole site: what `minsheng demo` shows, with shorter waits."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from demo import story
from tests.line.site import Site


@pytest.mark.timeout(300)
async def test_a_street_lamp_is_reported_mended_and_the_citizen_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINSHENG_LANGUAGE", "zh")
    out = io.StringIO()
    async with Site(tmp_path, seats=2, words=True, line={"answer_within": 10.0}) as site:
        told = await story.tell(site.settings, story.Options(), Console(file=out, width=100))
        await site.no_channel_left()
    assert told.as_asked, told.why
    assert told.call["operator"] == "op1"
    assert told.recording["channels"] == 2
    assert told.recording["path"].endswith(".flac")
    assert "路灯" in "".join(item["text"] for item in told.transcript)
    assert told.case["state"] == "closed"
    assert told.callbacks == [
        {"attempts": 1, "disposition": "completed", "contacted": True, "solved": True, "satisfied": True}
    ]
    assert "正如所愿" in out.getvalue()
