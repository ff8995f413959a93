"""Two people heard by their tones: each track of the sealed sound, and each ear, holds whom it should."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from demo.phones_talk import Talk
from models.calls import Call, Recording
from recordings import flac, lengths
from tests.line.hearing import loudness, sound, tone_seconds, where
from tests.line.site import Site

CITIZEN, OPERATOR = 440, 1000  # Hz
SPOKEN = 3.0  # s of each tone
HEARD = 2.0  # s of it that must be found; the ends may fall between two looks


async def spoken(site: Site) -> tuple[Talk, Talk]:
    """A call: the notice, then both speak at once by their tones; the operator hangs up, then the citizen."""
    operator, citizen = await site.seat("op1"), await site.citizen()
    talk = await citizen.call(site.uri)
    ring = await operator.next_call(within=5)
    await talk.answered(within=3)
    await talk.pause(within=15)  # the notice
    await ring.answer()
    await ring.answered(within=3)
    await talk.pause(within=15)  # the operator's number
    await talk.tone(CITIZEN, SPOKEN)
    await ring.tone(OPERATOR, SPOKEN)
    await talk.pause(within=15)
    await talk.hang_up()
    await ring.ended(within=3)
    return talk, ring


async def sealed(site: Site, call: Call) -> dict[str, Recording]:
    """Every recording of the call by channel; while one has no row, its raw file is still there."""
    channels = [call.id, *(leg.id for leg in call.legs)]

    def look(session: Session) -> dict[str, Recording] | None:
        there = {channel: (site.settings.raw / f"{channel}.raw").exists() for channel in channels}
        rows = {row.channel: row for row in session.query(Recording).filter_by(call_id=call.id)}
        for channel in channels:
            assert there[channel] or _has_row(site, channel), f"{channel}: neither raw nor sealed"
        return rows if set(rows) == set(channels) and not any(there.values()) else None

    return await site.row(look, "all its sound to be sealed, and the raw files gone", 15)


def _has_row(site: Site, channel: str) -> bool:
    with site.store.reading() as session:  # a later look than that for the file
        return session.query(Recording).filter_by(channel=channel).count() == 1


async def test_sound_by_tones(tmp_path: Path) -> None:
    async with Site(tmp_path, seats=1, line={"answer_within": 30.0}) as site:
        talk, ring = await spoken(site)
        call = await site.ended_call()
        rows = await sealed(site, call)
        whole, leg = rows[call.id], rows[call.legs[0].id]
        both, own = (sound(site.settings.sealed / row.path) for row in (whole, leg))

        assert tone_seconds(both[:, 0], CITIZEN) >= HEARD
        assert tone_seconds(both[:, 1], OPERATOR) >= HEARD
        assert tone_seconds(own[:, 0], OPERATOR) >= HEARD
        assert tone_seconds(own[:, 1], CITIZEN) >= HEARD
        for channel, other in ((both[:, 0], OPERATOR), (both[:, 1], CITIZEN), (own[:, 0], CITIZEN)):
            assert tone_seconds(channel, other) == 0  # nobody's voice is on the other's track

        assert tone_seconds(sound(talk.recorded)[:, 0], OPERATOR) >= HEARD
        assert tone_seconds(sound(ring.recorded)[:, 0], CITIZEN) >= HEARD

        notice = sound(site.settings.sounds / "notice.wav")[:, 0]
        second, likeness = where(notice, both[:, 1])
        assert likeness > 0.8
        assert loudness(both[: int((second + 1) * 8000), 0]) < 0.01  # the citizen said nothing meanwhile

        assert_lengths(call, whole)
        for row in rows.values():
            path = site.settings.sealed / row.path
            assert flac.file_sha256(path) == row.file_sha256
            assert flac.pcm_sha256(path) == row.pcm_sha256
            assert path.stat().st_size == row.bytes
            assert row.codec == "flac"
            assert (row.rate, row.channels) == (8000, 2)
        assert list(site.settings.raw.iterdir()) == []


def assert_lengths(call: Call, whole: Recording) -> None:
    """The recording is the call's, from its first to its last second, by its own clock."""
    assert call.seconds is not None
    ringing = (call.answered_ms or 0) / 1000
    assert lengths.judge(call.seconds, whole.seconds, ringing=ringing) is lengths.Length.RIGHT
    ended: datetime | None = call.ended_at
    assert ended is not None
    assert abs((ended - whole.starts_at).total_seconds() - whole.seconds) < 1.5
