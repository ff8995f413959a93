"""The catalogue of what the line says: texts by id, in `config/prompts/<language>.toml`."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from config.errors import BadSettings
from config.language import _


class Prompt(BaseModel):
    """One sound: words (`text`, and `say` where it is spoken otherwise than written), or tones of (Hz, s)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    text: str = ""
    say: str = ""
    note: str
    voice: str = ""
    speed: float = 0.0
    tail: float = 0.08  # s of silence kept behind the words
    tone: list[tuple[float, float]] = []

    @model_validator(mode="after")
    def _has_sound(self) -> Prompt:
        if bool(self.text) == bool(self.tone):
            raise ValueError(_("{id} 要么有文字，要么有音调", id=self.id))
        return self

    @property
    def spoken(self) -> str:
        return self.say or self.text

    @property
    def version(self) -> str:
        """Changes whenever the words change: what a call keeps of the notice its citizen heard."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:8]


class Catalogue(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    voice: str
    speed: float
    readings: dict[str, str]
    prompts: dict[str, Prompt]


def folder() -> Traversable:
    return resources.files("config") / "prompts"


def sound(prompt_id: str, language: str = "zh") -> Traversable:
    """The shipped FLAC of a prompt."""
    return folder() / language / f"{prompt_id}.flac"


@functools.cache
def load(language: str = "zh") -> Catalogue:
    """The shipped catalogue. Raises `BadSettings` naming what is wrong in it."""
    try:
        data: dict[str, Any] = tomllib.loads((folder() / f"{language}.toml").read_text("utf-8"))
        data["prompts"] = {name: {"id": name, **entry} for name, entry in data["prompts"].items()}
        return Catalogue(**data)
    except (tomllib.TOMLDecodeError, ValidationError, KeyError, OSError) as error:
        raise BadSettings(_("语音目录有误：{error}", error=error)) from None
