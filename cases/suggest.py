"""Which matter is this, and whose is it? From words alone, for a person to accept or change.

A keyword counts where it is written, or where it sounds the same: recognition writes homophones, and Shaowu's speakers
merge zh/z, n/l and -ng/-n. The shorter a keyword, the more exact its sound must be, since two syllables without tones
meet by chance in any long text. Nothing found is an answer too: then nothing is suggested.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pypinyin import Style, lazy_pinyin

from config.city.model import City, Matter, MatterClass

How = Literal["written", "heard", "same tones", "same sound", "like"]

WEIGHT: dict[How, float] = {"written": 1.0, "heard": 0.8, "same tones": 0.75, "same sound": 0.6, "like": 0.45}
FAINT = 0.25  # two syllables without tones: helps to rank, never enough alone
ENOUGH = 1.9  # below this there is no suggestion


@dataclass(frozen=True)
class Suggestion:
    """`keywords`: what was found, as the catalogue writes it. `sure`: at least one was written as such."""

    matter: str
    unit: str
    co_units: tuple[str, ...]
    score: float
    keywords: tuple[str, ...]
    township: str | None
    emergency: bool
    sure: bool


@dataclass(frozen=True)
class Sound:
    """A text syllable by syllable: as written, with tones, without, and as a southern speaker may say it."""

    text: str
    toned: tuple[str, ...]
    plain: tuple[str, ...]
    folded: tuple[str, ...]


@dataclass(frozen=True)
class Hit:
    start: int
    end: int
    score: float
    keyword: str
    how: How


def suggest(text: str, city: City, *, most: int = 3) -> list[Suggestion]:
    """Matters that `text` may be about, the likeliest first; empty when it says nothing we know."""
    clauses = [_sound(clause) for clause in _clauses(text)]
    if not clauses:
        return []
    township = _township(clauses, city)
    shared = _shared(city)
    ranked = []
    for matter in city.matters:
        hits = [hit for clause in clauses for hit in _apart(_hits(clause, matter, shared))]
        best = {hit.keyword: hit for hit in sorted(hits, key=lambda hit: hit.score)}
        score = sum(hit.score for hit in best.values())
        if score >= ENOUGH:
            ranked.append(_made(matter, list(best.values()), score, township))
    order = {matter.id: place for place, matter in enumerate(city.matters)}
    ranked.sort(key=lambda item: (-item.score, order[item.matter]))
    return ranked[:most]


def township_of(text: str, city: City) -> str | None:
    """The township or street whose place is named, None when none or two equally likely ones are."""
    return _township([_sound(clause) for clause in _clauses(text)], city)


def _made(matter: Matter, hits: list[Hit], score: float, township: str | None) -> Suggestion:
    unit, co = matter.lead, list(matter.co)
    if township and matter.township == "lead":
        unit, co = township, [matter.lead, *co]
    elif township and matter.township == "co":
        co.append(township)
    hits.sort(key=lambda hit: -hit.score)
    return Suggestion(
        matter=matter.id,
        unit=unit,
        co_units=tuple(other for other in dict.fromkeys(co) if other != unit),
        score=round(score, 2),
        keywords=tuple(hit.keyword for hit in hits),
        township=township,
        emergency=matter.kind is MatterClass.EMERGENCY,
        sure=any(hit.how == "written" for hit in hits),
    )


def _hits(clause: Sound, matter: Matter, shared: Counter[str]) -> Iterator[Hit]:
    for keyword in matter.keywords:
        worth = float(len(keyword) ** 1.5) / shared[keyword]
        for start, how, weight in _find(clause, _sound(keyword)):
            yield Hit(start, start + len(keyword), worth * weight, keyword, how)
    for form in matter.heard:
        at = clause.text.find(form)
        if at >= 0:
            yield Hit(at, at + len(form), float(len(form) ** 1.5) * WEIGHT["heard"], form, "heard")


def _find(clause: Sound, word: Sound) -> Iterator[tuple[int, How, float]]:
    """The best way in which a word is in a clause: (first syllable, how, weight)."""
    size = len(word.text)
    at = clause.text.find(word.text)
    if at >= 0:
        yield at, "written", WEIGHT["written"]
    elif size >= 2 and (at := _within(word.toned, clause.toned)) >= 0:
        yield at, "same tones", WEIGHT["same tones"]
    elif size >= 2 and (at := _within(word.plain, clause.plain)) >= 0:
        yield at, "same sound", WEIGHT["same sound"] if size > 2 else FAINT
    elif size >= 3 and (at := _within(word.folded, clause.folded)) >= 0:
        yield at, "like", WEIGHT["like"]


def _apart(hits: Iterator[Hit]) -> list[Hit]:
    """The strongest hits that do not lie on one another: 停水了 is not also 停水."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (-hit.score, hit.start)):
        if all(hit.end <= other.start or hit.start >= other.end for other in kept):
            kept.append(hit)
    return kept


def _township(clauses: list[Sound], city: City) -> str | None:
    """The longest name wins: 水北镇 before 水北街; names of three and more syllables also by their sound."""
    found: dict[str, float] = {}
    for unit, names in _places(city):
        for name in names:
            for clause in clauses:
                at = clause.text.find(name.text)
                size = float(len(name.text))
                if at >= 0 and clause.text[at + len(name.text) :][:1] not in ("路", "巷"):
                    found[unit] = max(found.get(unit, 0.0), size)
                elif size >= 3 and _within(name.plain, clause.plain) >= 0:
                    found[unit] = max(found.get(unit, 0.0), size - 0.5)
    best = max(found.values(), default=0.0)
    likely = [unit for unit, length in found.items() if length == best]
    return likely[0] if len(likely) == 1 else None


@lru_cache(maxsize=4)
def _places(city: City) -> tuple[tuple[str, tuple[Sound, ...]], ...]:
    """Each township with its name, its places, and its bare name where no other township shares it."""
    townships = [unit for unit in city.units if unit.kind == "township"]
    bare = Counter(_bare(unit.name) for unit in townships)
    return tuple(
        (
            unit.id,
            tuple(
                _sound(name)
                for name in dict.fromkeys(
                    (unit.name, *unit.places, *([_bare(unit.name)] if bare[_bare(unit.name)] == 1 else []))
                )
            ),
        )
        for unit in townships
    )


def _bare(name: str) -> str:
    return re.sub(r"(街道|镇|乡)$", "", name)


@lru_cache(maxsize=4)
def _shared(city: City) -> Counter[str]:
    """In how many matters a keyword stands: what means everything means little."""
    return Counter(keyword for matter in city.matters for keyword in matter.keywords)


def _clauses(text: str) -> list[str]:
    """What is said between pauses; a keyword never reaches across one."""
    whole = unicodedata.normalize("NFKC", text).upper()
    return [part for part in re.split(r"[^\w]+|_", re.sub(r"[ \t]+", "", whole)) if part]


@lru_cache(maxsize=4096)
def _sound(text: str) -> Sound:
    def split(other: str) -> list[str]:
        return list(other)

    toned = lazy_pinyin(text, style=Style.TONE3, errors=split, neutral_tone_with_five=True)  # type: ignore[arg-type]
    plain = [re.sub(r"[1-5]$", "", syllable) for syllable in toned]
    return Sound(text, tuple(toned), tuple(plain), tuple(_fold(syllable) for syllable in plain))


def _fold(syllable: str) -> str:
    for written, spoken in (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("r", "l")):
        if syllable.startswith(written) and len(syllable) > len(written):
            syllable = spoken + syllable[len(written) :]
            break
    return re.sub(r"ng$", "n", syllable)


def _within(word: tuple[str, ...], clause: tuple[str, ...]) -> int:
    """Where `word` begins in `clause`, -1 when it does not."""
    for at in range(len(clause) - len(word) + 1):
        if clause[at : at + len(word)] == word:
            return at
    return -1
