"""How a Chinese text is read: words, pinyin with tones, and the phonetic signs Kokoro was trained on.

The signs follow the usual IPA of Mandarin (Duanmu 2007) in the notation of Kokoro's own reader (misaki):
affricates as one sign, tones as arrows behind the vowel, the vowel of zhi/zi as ɨ.
"""

from __future__ import annotations

import re

from pypinyin import Style, lazy_pinyin
from pypinyin.contrib.tone_convert import to_finals, to_initials

LONGEST = 40  # characters between two full stops: longer ones are hurried by the voice
TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
INITIALS = {
    "": "", "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l", "g": "k",
    "k": "kʰ", "h": "x", "j": "ʨ", "q": "ʨʰ", "x": "ɕ", "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ",
    "z": "ʦ", "c": "ʦʰ", "s": "s",
}  # fmt: skip
# The tone goes where the dash stands.
FINALS = {
    "a": "a-", "ai": "ai-", "an": "a-n", "ang": "a-ŋ", "ao": "au-", "e": "ɤ-", "ei": "ei-", "en": "ə-n",
    "eng": "ə-ŋ", "er": "ɚ-", "i": "i-", "ia": "ja-", "ian": "jɛ-n", "iang": "ja-ŋ", "iao": "jau-",
    "ie": "je-", "in": "i-n", "ing": "i-ŋ", "iong": "jʊ-ŋ", "iou": "jou-", "o": "wo-", "ong": "ʊ-ŋ",
    "ou": "ou-", "u": "u-", "ua": "wa-", "uai": "wai-", "uan": "wa-n", "uang": "wa-ŋ", "uei": "wei-",
    "uen": "wə-n", "ueng": "wə-ŋ", "uo": "wo-", "v": "y-", "van": "ɥɛ-n", "ve": "ɥe-", "vn": "y-n",
}  # fmt: skip
MARKS = {"，": ", ", "、": ", ", "。": ". ", "！": "! ", "？": "? ", "：": ": ", "；": "; "}
APICAL = {"zh", "ch", "sh", "r", "z", "c", "s"}


def sentences(text: str) -> list[str]:
    """The text cut after 。！？；, marks kept. Raises `ValueError` where one is longer than `LONGEST`."""
    parts = [part for part in re.findall(r"[^。！？；]+[。！？；]?", text) if part.strip()]
    for part in parts:
        if len(part) > LONGEST:
            raise ValueError(f"longer than {LONGEST} characters: {part}")
    return parts


def signs(sentence: str, readings: dict[str, str]) -> str:
    """The phonetic signs of one sentence; `readings` (word → pinyin with tones) win over the dictionary.

    Raises `ValueError` for a character that has no reading.
    """
    out: list[str] = []
    for run in re.findall(r"[\u4e00-\u9fff]+|[^\u4e00-\u9fff]", sentence):
        if run in MARKS:
            out.append(MARKS[run])
        elif "\u4e00" <= run[0] <= "\u9fff":
            out.append(" ".join("".join(map(syllable, reading)) for reading in _words(run, readings)))
        else:
            raise ValueError(f"cannot be read aloud: {run!r}")
    return "".join(out).strip()


def _words(run: str, readings: dict[str, str]) -> list[list[str]]:
    import jieba  # of the extra `prompts`: the rest of this module is there without it

    found: list[list[str]] = []
    pattern = "|".join(re.escape(word) for word in sorted(readings, key=len, reverse=True))
    for part in re.split(f"({pattern})", run) if pattern else [run]:
        if part in readings:
            found.append(readings[part].split())
        elif part:
            found += [
                lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True) for word in jieba.cut(part)
            ]
    return found


def syllable(pinyin: str) -> str:
    """The signs of one syllable, e.g. `shao4`. Raises `ValueError` if it is none."""
    plain, tone = pinyin[:-1], pinyin[-1:]
    initial, final = to_initials(plain, strict=True), to_finals(plain, strict=True).replace("ü", "v")
    if tone not in TONES or initial not in INITIALS or final not in FINALS:
        raise ValueError(f"no syllable: {pinyin!r}")
    body = "ɨ-" if final == "i" and initial in APICAL else FINALS[final]
    return INITIALS[initial] + body.replace("-", TONES[tone])
