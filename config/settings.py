"""The settings: one validated object from the profile, the site's TOML file and the environment.

Order, the later wins: defaults here, `profiles/<profile>.toml` (numbers only), `<var>/minsheng.toml`,
variables `MINSHENG_<SECTION>__<NAME>`. An unknown or half-written setting is a `BadSettings` sentence.
Times are seconds (float) unless the name says otherwise; clock times are the city's local time.
"""

from __future__ import annotations

import os
import re
import tomllib
from datetime import time
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.errors import BadSettings
from config.language import _

Profile = Literal["run", "demo"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sip(Section):
    """Where telephones reach us."""

    bind: str = "127.0.0.1"
    port: int = Field(5060, ge=1024, le=65535)
    rtp_first: int = Field(20000, ge=1024, le=65535)
    rtp_last: int = Field(20999, ge=1024, le=65535)


class Trunk(Section):
    """A carrier identified by address; `contact` is where our own calls go."""

    match: list[str] = Field(min_length=1)
    contact: str


class Asterisk(Section):
    """The private Asterisk: `program` names a system one; empty means fetch our own."""

    program: Path | None = None
    http_port: int = Field(8088, ge=1024, le=65535)


class Line(Section):
    """Manners of the line (DESIGN 4)."""

    answer_within: float = Field(15.0, gt=0)  # a person before this, else the intake begins
    widen_every: float = Field(5.0, gt=0)  # one more seat rings
    seat_rings: float = Field(20.0, gt=0)  # a phone not answering is passed over for this call
    claim_within_ms: int = Field(700, ge=100)  # StasisBroadcast, then the fallback
    clip_longest: float = Field(120.0, gt=0, le=120.0)  # one answer of the intake, which is also read back
    clip_ends_after: float = Field(3.0, gt=0)  # silence that ends an answer
    key_within: float = Field(6.0, gt=0)  # wait for a key after a question
    fallback_rings: int = Field(15, ge=2)  # s, one round of the fallback
    overflow_after: float = Field(10.0, gt=0)  # an emergency nobody takes: also the overflow list
    poll_every: float = Field(5.0, gt=0)  # rows of orders; the bell only hastens it
    number_on_disk_within: float = Field(2.0, gt=0)  # before it no number is spoken or dialled


class Callback(Section):
    """Whom we may ring and when (DESIGN 7)."""

    opens: time = time(9, 0)
    closes: time = time(20, 30)
    due_after_days: int = Field(1, ge=0)  # calendar days after the resolution
    attempts: int = Field(3, ge=1)  # per case
    spacing: float = Field(86400.0, ge=0)  # at most one attempt a day per number
    per_number: int = Field(3, ge=1)  # attempts per number within `per_number_window`
    per_number_window: float = Field(7 * 86400.0, gt=0)
    ring_for: float = Field(45.0, gt=0)
    key_within: float = Field(6.0, gt=0)
    askings: int = Field(3, ge=1)
    tick: float = Field(20.0, gt=0)  # the scheduler looks for due callbacks
    spare_channels: int = Field(10, ge=0)  # never take the last channels from citizens


class Store(Section):
    """`url` empty: SQLite in `<var>/store/minsheng.db`; else a SQLAlchemy PostgreSQL URL."""

    url: str = ""


class Speech(Section):
    model: str = "whisper-base"
    threads: int = Field(1, ge=1)


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
    try:
        return Settings(**merged)
    except ValidationError as error:
        wrong = "；".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {_reason(item['type'], item['msg'])}"
            for item in error.errors()
        )
        raise BadSettings(_("设置有误：{wrong}", wrong=wrong)) from None


def _reason(kind: str, message: str) -> str:
    return _("没有这一项设置") if kind == "extra_forbidden" else message


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
