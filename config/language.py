"""The user's language: sentences are written in Chinese in the code; English comes from the catalogue."""

from __future__ import annotations

import functools
import gettext
import io
import os
import re
import shlex
from importlib import resources

from babel.messages import mofile, pofile

DOMAIN = "minsheng"


def preferred() -> str:
    """`en` where LC_ALL, LC_MESSAGES or LANG asks for English, else `zh`."""
    for name in ("MINSHENG_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "en" if value.lower().startswith("en") else "zh"
    return "zh"


@functools.cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The catalogue of a language; Chinese needs none."""
    if language == "zh":
        return gettext.NullTranslations()
    source = resources.files("config") / "locale" / language / f"{DOMAIN}.po"
    with source.open("rb") as file:
        entries = pofile.read_po(file, locale=language)
    compiled = io.BytesIO()
    mofile.write_mo(compiled, entries)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _(sentence: str, **parts: object) -> str:
    """The sentence in the user's language, its {named} parts filled in after translation."""
    text = _as_typed(catalogue(preferred()).gettext(sentence))
    return text.format(**parts) if parts else text


def _as_typed(text: str) -> str:
    """Commands in the sentence as this user types them: the launcher says under what name it was called."""
    command = os.environ.get("MINSHENG_COMMAND")
    if not command:
        return text
    quoted = shlex.quote(command).replace("{", "{{").replace("}", "}}")
    return re.sub(r"(?<![\w./-])minsheng(?= [a-z-])", lambda _found: quoted, text)
