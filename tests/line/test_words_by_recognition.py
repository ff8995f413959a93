"""What two people said is read: whose words, when in the call, what about; and nothing where nothing was said."""

from __future__ import annotations

import tomllib
from pathlib import Path

from models.calls import Recording
from models.cases import Case
from models.words import TranscriptState
from speech.normalise import comparable, distance
from tests.line.hearing import sound, where
from tests.line.site import Site
from tests.line.talked import SPEECH, UNHURRIED, read, spoken

LINES = tomllib.loads((SPEECH / "lines.toml").read_text("utf-8"))["lines"]


async def test_words_by_recognition(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, words=True, line=UNHURRIED) as site:
        operator, citizen = await site.seat("op1"), await site.citizen()
        await spoken(site, citizen, operator, "citizen_1", "operator_1")
        call = await site.ended_call()
        transcript = await read(site, call)
        assert transcript.state == TranscriptState.DONE
        for who, line in (("citizen", "citizen_1"), ("operator", "operator_1")):
            said = comparable("".join(one.text for one in transcript.segments if one.channel == who))
            wanted = comparable(LINES[line]["text"])
            assert distance(said, wanted) <= 0.35 * len(wanted), f"{who}: {said}"

        channels = [one.channel for one in transcript.segments]
        assert channels == sorted(channels)  # the citizen spoke first, the operator answered
        whole = await site.row(
            lambda session: session.query(Recording).filter_by(channel=call.id).one_or_none(), "its sound"
        )
        heard = sound(site.settings.sealed / whole.path)
        for who, line, track in (("citizen", "citizen_1", 0), ("operator", "operator_1", 1)):
            words = sound(SPEECH / f"{line}.flac")[:, 0]
            begins, likeness = where(words, heard[:, track])
            assert likeness > 0.5
            own = [one for one in transcript.segments if one.channel == who]
            assert begins - 1.0 <= own[0].start <= begins + 2.0  # as it lies in the call's recording
            assert own[-1].end <= begins + len(words) / 8000 + 1.0

        case = await site.row(lambda session: session.get(Case, call.case_number or ""), "the case")
        matter = next(one for one in site.city.matters if one.id == "street_light")
        assert (case.suggested_matter, case.suggested_unit) == (matter.id, matter.lead)

        await spoken(site, citizen, operator)
        silent = await site.ended_call(other_than=[call.id])
        assert (await read(site, silent)).segments == []  # nor are our own prompts anybody's words
        case = await site.row(lambda session: session.get(Case, silent.case_number or ""), "the case")
        assert case.suggested_matter is None
