"""Text of recognisers made alike: width, marks, spaces; and a form in which two texts can be compared."""

from __future__ import annotations

import re
import unicodedata

HAN = r"\u3400-\u4dbf\u4e00-\u9fff"
DIGITS = "零一二三四五六七八九"
MARKS = str.maketrans({",": "，", "?": "？", "!": "！", ";": "；", ":": "："})
# Only what stands for Latin letters, digits and their signs: Chinese marks keep their full width.
WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，？！；：（）"} | {
    0x3000: 0x20
}


def readable(text: str) -> str:
    """As people read it: half-width letters and digits, Chinese marks after Chinese, no spaces inside it.

    >>> readable("我们小区 的路灯,１８号楼坏了 !")
    '我们小区的路灯，18号楼坏了！'
    """
    text = unicodedata.normalize("NFC", text).translate(WIDE)
    text = "".join(sign for sign in text if sign >= " " and sign != "\ufffd")
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(rf"(?<=[{HAN}，。？！；：、])\s+|\s+(?=[{HAN}，。？！；：、,?!;:])", "", text)
    text = re.sub(rf"(?<=[{HAN}])[,?!;:]|[,?!;:](?=[{HAN}])", lambda mark: mark[0].translate(MARKS), text)
    text = re.sub(rf"(?<=[{HAN}])\.(?=$|[{HAN}])", "。", text)
    return re.sub(r"([，。？！；：、])\1+", r"\1", text)


def comparable(text: str) -> str:
    """Only what was said: no marks or spaces, lower case, numbers as they are read, 幺 as 一, 两 as 二."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = re.sub(r"(\d+(?:\.\d+)?)%", r"百分之\1", text)
    text = re.sub(r"\d+(?:\.\d+)?", lambda number: spoken_number(number[0]), text)
    text = "".join(sign for sign in text if unicodedata.category(sign)[0] in "LN")
    return text.replace("幺", "一").replace("两", "二").replace("〇", "零")


def spoken_number(digits: str) -> str:
    """As a person reads it: up to four digits as a quantity, longer ones and a leading 0 one by one.

    >>> spoken_number("18"), spoken_number("2005"), spoken_number("110000"), spoken_number("3.5")
    ('十八', '二千零五', '一一零零零零', '三点五')
    """
    whole, _point, part = digits.partition(".")
    if part:
        return f"{spoken_number(whole)}点{''.join(DIGITS[int(digit)] for digit in part)}"
    if len(whole) > 4 or (len(whole) > 1 and whole[0] == "0"):
        return "".join(DIGITS[int(digit)] for digit in whole)
    said, gap = "", False
    for place, digit in enumerate(whole):
        if digit == "0":
            gap = True
            continue
        said += (
            ("零" if gap and said else "")
            + DIGITS[int(digit)]
            + ("", "十", "百", "千")[len(whole) - place - 1]
        )
        gap = False
    said = said or "零"
    return said[1:] if said.startswith("一十") else said


def distance(one: str, other: str) -> int:
    """Fewest characters changed, added or left out between two texts (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, sign in enumerate(one, 1):
        corner, row[0] = row[0], number
        for place, against in enumerate(other, 1):
            corner, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, corner + (sign != against)),
            )
    return row[-1]
