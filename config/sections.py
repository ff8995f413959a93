"""The sections of the settings: what a site may set, with bounds, defaults and reasons.

Times are seconds (float) unless the name says otherwise; clock times are the city's local time.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import time
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from config.language import _

PORTS_OF_A_CALL = 4  # the citizen's leg and the operator's, two ports each


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sip(Section):
    """Where telephones reach us."""

    bind: str = "127.0.0.1"
    port: int = Field(5060, ge=1024, le=65535)
    rtp_first: int = Field(20000, ge=1024, le=65535)
    rtp_last: int = Field(20999, ge=1024, le=65535)

    @field_validator("bind")
    @classmethod
    def _a_host(cls, bind: str) -> str:
        try:
            ipaddress.ip_address(bind)
        except ValueError:
            # A dotted number that is no address is a slip of the pen, not a name.
            label = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
            if re.fullmatch(r"[0-9.]*", bind) or not re.fullmatch(rf"{label}(\.{label})*", bind):
                raise ValueError(_("“{bind}”不是 IP 地址，也不是主机名", bind=bind)) from None
        return bind

    @model_validator(mode="after")
    def _room_for_a_call(self) -> Self:
        if self.rtp_last - self.rtp_first + 1 < PORTS_OF_A_CALL:
            raise ValueError(
                _("rtp_last 要比 rtp_first 大：一通电话占 {count} 个端口", count=PORTS_OF_A_CALL)
            )
        return self


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

    @model_validator(mode="after")
    def _closes_after_it_opens(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError(
                _("closes（{closes}）要晚于 opens（{opens}）", closes=self.closes, opens=self.opens)
            )
        return self


class Store(Section):
    """`url` empty: SQLite in `<var>/store/minsheng.db`; else a SQLAlchemy PostgreSQL URL."""

    url: str = ""

    @field_validator("url")
    @classmethod
    def _a_known_store(cls, url: str) -> str:
        if url and not re.fullmatch(r"(sqlite:///[^/].*|sqlite:////.+|postgresql(\+psycopg)?://.+)", url):
            raise ValueError(_("数据库地址看不懂；应为 sqlite:/// 或 postgresql:// 开头"))
        return url


class Speech(Section):
    model: str = "whisper-base"
    threads: int = Field(1, ge=1)
