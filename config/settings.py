"""The settings: one validated object from the profile, the site's TOML file and the environment.

Order, the later wins: defaults (`config.sections`), `profiles/<profile>.toml` (numbers only), `<var>/minsheng.toml`,
variables `MINSHENG_<SECTION>__<NAME>`. An unknown or half-written setting is a `BadSettings` sentence.
"""

from __future__ import annotations

import os
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from config.errors import BadSettings
from config.language import _
from config.reasons import reason
from config.sections import Asterisk, Callback, Line, Sip, Speech, Store, Trunk

Profile = Literal["run", "demo"]

# Variables that are no settings: the language, and what the launcher and Asterisk are told.
OTHER_VARIABLES = ("LANGUAGE", "PYTHON", "COMMAND", "DATA")


class _Environment(EnvSettingsSource):
    """The variables, but `MINSHENG_VAR`: whoever called `load` with a directory means that one."""

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        found.pop("var", None)
        return found


class Settings(BaseSettings):
    """Everything a site may set."""

    model_config = SettingsConfigDict(
        env_prefix="MINSHENG_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    profile: Profile = "run"
    node: str = Field("n1", pattern=r"^[a-z][a-z0-9]{0,7}$")
    city: str = Field("shaowu", pattern=r"^[a-z][a-z0-9_]*$")
    timezone: str = "Asia/Shanghai"
    var: Path
    cache: Path
    sip: Sip = Sip()
    trunks: dict[str, Trunk] = {}
    asterisk: Asterisk = Asterisk()
    line: Line = Line()
    callback: Callback = Callback()
    store: Store = Store()
    speech: Speech = Speech()

    @field_validator("var", "cache")
    @classmethod
    def _plain_path(cls, path: Path) -> Path:
        # Asterisk's dialplan and shell hand these paths on: only characters that mean nothing there.
        if not re.fullmatch(r"/[A-Za-z0-9/._+-]*", str(path)):
            raise ValueError(_("路径只能含字母、数字和 / . _ + -：{path}", path=path))
        return path

    @field_validator("timezone")
    @classmethod
    def _a_known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
            raise ValueError(_("没有叫“{name}”的时区；写法如 Asia/Shanghai", name=name)) from None
        return name

    @model_validator(mode="after")
    def _room_for_callbacks(self) -> Self:
        channels = (self.sip.rtp_last - self.sip.rtp_first + 1) // 2
        if channels <= self.callback.spare_channels:
            raise ValueError(
                _(
                    "RTP 端口只够 {channels} 个通道，callback.spare_channels 全留给来电，永远不会回访",
                    channels=channels,
                )
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (_Environment(settings_cls), init_settings)

    # Where things lie, so that no path is spelt twice.
    @property
    def store_url(self) -> str:
        return self.store.url or f"sqlite:///{self.var}/store/minsheng.db"

    @property
    def raw(self) -> Path:
        """Recordings as Asterisk writes them: `<channel id>.raw`, and `<channel id>.done` once it is closed."""
        return self.var / "recordings" / "raw"

    @property
    def sealed(self) -> Path:
        return self.var / "recordings" / "sealed"

    @property
    def clips(self) -> Path:
        """Answers of the intake, as Asterisk's `recording:` resources."""
        return self.var / "asterisk" / "spool" / "recording"

    @property
    def spool(self) -> Path:
        return self.var / "spool" / "spool.db"

    @property
    def sounds(self) -> Path:
        """Prompts as 8 kHz mono WAV, played as `sound:<sounds>/<voice>/<id>`."""
        return self.var / "sounds"

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def secrets(self) -> Path:
        return self.var / "secrets.json"

    @property
    def cel(self) -> Path:
        """Asterisk's own list of channels, JSON lines (cel_custom)."""
        return self.var / "asterisk" / "log" / "cel-custom" / "cel.json"

    @property
    def cdr(self) -> Path:
        return self.var / "asterisk" / "log" / "cdr-csv" / "Master.csv"


def default_var() -> Path:
    return Path(os.environ.get("MINSHENG_VAR") or "var").absolute()


def default_cache() -> Path:
    chosen = os.environ.get("MINSHENG_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(chosen) if chosen else Path(base) / "minsheng"


def load(var: Path | None = None, **changes: Any) -> Settings:
    """The settings of the site in `var` (default: `MINSHENG_VAR`, else `./var`).

    `changes` stand in for the site's file where a test or the demo needs it.
    Raises `BadSettings`, in the user's language, naming each setting that is wrong.
    """
    var = (var or default_var()).absolute()
    site = _toml(var / "minsheng.toml")
    profile = os.environ.get("MINSHENG_PROFILE") or changes.get("profile") or site.get("profile") or "run"
    numbers: dict[str, Any] = {}
    if profile in ("run", "demo"):
        numbers = tomllib.loads(
            (resources.files("config") / "profiles" / f"{profile}.toml").read_text("utf-8")
        )
    merged = _merge(_merge(_merge({"cache": default_cache()}, numbers), site), changes)
    merged["var"] = var
    unknown = _unknown_variables()
    try:
        settings = Settings(**merged)
    except SettingsError as error:
        field = re.search(r'field "(\w+)"', str(error))
        name = f"MINSHENG_{field[1].upper()}" if field else "MINSHENG_*"
        raise BadSettings(_("环境变量 {name} 写得不完整：应为 JSON", name=name)) from None
    except ValidationError as error:
        wrong = [
            ": ".join(
                part
                for part in (
                    ".".join(str(step) for step in item["loc"]),
                    reason(item["type"], item.get("ctx", {}), item["msg"]),
                )
                if part
            )
            for item in error.errors()
        ]
        raise BadSettings(_("设置有误：{wrong}", wrong=_("；").join(wrong + unknown))) from None
    if unknown:
        raise BadSettings(_("设置有误：{wrong}", wrong=_("；").join(unknown)))
    return settings


def _unknown_variables() -> list[str]:
    """A sentence for each `MINSHENG_` variable that means nothing: most likely one that is misspelt."""
    known = {name.upper() for name in Settings.model_fields} | set(OTHER_VARIABLES)
    prefix = "MINSHENG_"
    strange = [
        name
        for name in os.environ
        if name.upper().startswith(prefix) and name[len(prefix) :].upper().partition("__")[0] not in known
    ]
    return [_("没有 {name} 这个环境变量", name=name) for name in sorted(strange)]


def _toml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(_("设置文件 {path} 写得不完整：{error}", path=path, error=error)) from None
    except OSError as error:
        raise BadSettings(_("设置文件 {path} 读不了：{error}", path=path, error=error.strerror)) from None


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        merged[name] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
