"""A citizen and an operator who talk, in tones or in words; and what is then read of it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from demo.phones import Phone
from demo.phones_talk import Talk
from models.calls import Call, Transcript
from models.words import TranscriptState
from tests.line.site import Site

SPEECH = Path(__file__).resolve().parents[2] / "demo" / "speech"
UNHURRIED = {"answer_within": 30.0}  # s; the line does not take over while people talk in their own time


async def joined(site: Site, citizen: Phone, operator: Phone) -> tuple[Talk, Talk]:
    """The citizen rings, the operator answers, and has been announced to the citizen."""
    talk = await citizen.call(site.uri)
    ring = await operator.next_call(within=5)
    await talk.answered(within=3)
    await ring.answer()
    await ring.answered(within=3)
    await talk.pause(within=15)
    return talk, ring


async def hear_each_other(talk: Talk, ring: Talk) -> None:
    """Both speak, one after the other, and both are heard."""
    for who, other in ((talk, ring), (ring, talk)):
        other.listen_anew()
        await who.tone(700, 1.0)
        await other.heard_speech(within=5)


async def rung(site: Site, citizen: Phone, operator: Phone) -> None:
    """A short call without words, ended by the citizen."""
    talk, ring = await joined(site, citizen, operator)
    await hear_each_other(talk, ring)
    await talk.hang_up()
    await ring.ended(within=3)


async def spoken(site: Site, citizen: Phone, operator: Phone, *lines: str) -> None:
    """A call in which they say these lines of the demo in turns, the citizen first."""
    talk, ring = await joined(site, citizen, operator)
    for number, line in enumerate(lines):
        who, other = (talk, ring) if number % 2 == 0 else (ring, talk)
        other.listen_anew()
        await who.say(SPEECH / f"{line}.flac")
        await other.pause(within=20)
    await talk.hang_up()
    await ring.ended(within=3)


async def read(site: Site, call: Call, within: float = 90.0) -> Transcript:
    """The call's transcript, once it is made."""

    def look(session: Session) -> Transcript | None:
        found = session.query(Transcript).filter_by(call_id=call.id).one_or_none()
        if found is None or found.state == TranscriptState.WAITING:
            return None
        assert found.segments is not None
        return found

    return await site.row(look, "the transcript", within)
