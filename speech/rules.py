"""Which of the recogniser's segments are words that were said, and which it made up.

Whisper invents text on silence, noise, ringing and music; its own thresholds do not stop it. The limits here
were measured on telephone-band Mandarin: in 177 readings of real speech no_speech stayed ≤ 0.52, compression
≤ 1.19 and the mean log probability ≥ −0.83.
"""

from __future__ import annotations

from collections.abc import Iterable

from speech.api import Heard, Word
from speech.normalise import comparable

PROMPT = "以下是普通话的句子。"  # shows the recogniser which script and marks are wanted
NO_SPEECH = 0.60
COMPRESSION = 2.0
LOGPROB = -1.2
UNSURE = -0.5  # error rate 0.10 above −0.35, 0.49 below −0.7
QUIET = -50.0  # dBFS: nobody speaks on a telephone so softly
FASTEST = 12.0  # characters a second: nobody speaks so fast (7 is fast)
GAP = 1.0  # s of silence that parts two utterances
UNHEARD = "〔听不清，请听录音〕"  # kept with the call: the text of a voice that gave no words
# What the recogniser learnt from subtitles and says when it hears nothing.
SUBTITLES = (
    "请不吝点赞", "点赞订阅", "订阅转发", "打赏支持", "明镜与点点", "字幕志愿者",
    "字幕由", "字幕by", "字幕制作", "字幕组", "谢谢观看", "感谢观看",
    "优优独播剧场", "amaraorg", "多谢您的观看", "下期再见", "本期视频",
)  # fmt: skip


def invented(
    text: str, *, no_speech: float, compression: float, logprob: float, level: float, seconds: float
) -> bool:
    """Whether a segment is to be dropped. `level`: dBFS of the loudest 10 ms of its `seconds` of sound."""
    if no_speech > NO_SPEECH or compression > COMPRESSION or logprob < LOGPROB or level < QUIET:
        return True
    said, prompt = comparable(text), comparable(PROMPT)
    # Invented endings (谢谢) are squeezed into the last moment of the sound.
    if logprob < UNSURE and len(said) > FASTEST * seconds:
        return True
    # A single character of the prompt may be an answer (是): it stays, as uncertain.
    if not said or prompt in said or (len(said) > 1 and said in prompt):
        return True
    return any(phrase in said for phrase in SUBTITLES)


def uncertain(text: str, *, logprob: float) -> bool:
    """Whether a segment is shown as *listen to the recording*."""
    return logprob < UNSURE or (len(comparable(text)) == 1 and comparable(text) in comparable(PROMPT))


def unheard(start: float, end: float) -> Heard:
    """The mark of a voice between two moments (s) whose words were not found: no doubt is resolved by silence."""
    return Heard(
        start=round(start, 3), end=round(end, 3), text=UNHEARD, raw="", uncertain=True, confidence=0.0
    )


def utterances(words: Iterable[Word]) -> list[list[Word]]:
    """Words parted where nothing was said for `GAP` seconds, so that two people's turns can be told apart."""
    parts: list[list[Word]] = []
    for word in words:
        if parts and word.start - parts[-1][-1].end <= GAP:
            parts[-1].append(word)
        else:
            parts.append([word])
    return parts
