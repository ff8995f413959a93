"""Whom may we ring, and when (DESIGN 7): pure functions, the clock handed in. No doubt is resolved against the citizen:
whoever may not be rung by a machine is rung by a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import ValidationResult

from config.city.model import City, Sensitive
from config.language import _
from config.sections import Callback as Rules

DAY = 86400.0  # s
INTERNAL = 6  # digits at most: a site's own extension
OURS_AGAIN = 300.0  # s until the next try after a failure of our own
OURS_MOST = 3  # times the attempts: then our own failures are a person's matter


class Why(StrEnum):
    """Why a person rings instead of the line."""

    EXHAUSTED = "exhausted"
    CANNOT_DIAL = "cannot_dial"
    WITHHELD = "withheld"
    INVALID = "invalid"
    NEVER_DIAL = "never_dial"
    DO_NOT_CALL = "do_not_call"
    NO_HOURS = "no_hours"
    POLICE = "police"
    SILENT = "silent"
    SENSITIVE = "sensitive"
    CONFIDENTIAL = "confidential"
    REFUSED = "refused"
    WANTS_PERSON = "wants_person"
    CHANGED = "changed"

    @property
    def label(self) -> str:
        return _LABELS[self]()


_LABELS = {
    Why.EXHAUSTED: lambda: _("自动回访次数已用尽"),
    Why.CANNOT_DIAL: lambda: _("线路多次拨不出去"),
    Why.WITHHELD: lambda: _("来电没有显示号码"),
    Why.INVALID: lambda: _("号码不能拨打"),
    Why.NEVER_DIAL: lambda: _("号码在禁拨名单上"),
    Why.DO_NOT_CALL: lambda: _("市民要求不再自动回访"),
    Why.NO_HOURS: lambda: _("市民方便的时间不在回访时段内"),
    Why.POLICE: lambda: _("警情由民警回访"),
    Why.SILENT: lambda: _("无声来电由人回访"),
    Why.SENSITIVE: lambda: _("敏感诉求由人回访"),
    Why.CONFIDENTIAL: lambda: _("保密诉求由人回访"),
    Why.REFUSED: lambda: _("接听的不是本人，或本人谢绝"),
    Why.WANTS_PERSON: lambda: _("市民要求人工"),
    Why.CHANGED: lambda: _("市民答复未解决，而工单已被改动"),
}


@dataclass(frozen=True)
class Asked:
    """What about a case decides who rings its citizen. `phone` is the caller's or one confirmed by key."""

    phone: str
    kind: str
    matter: str | None = None
    suggested: str | None = None
    confidential: bool = False
    do_not_call: bool = False
    safe_from: str | None = None  # HH:MM, city time
    safe_to: str | None = None


@dataclass(frozen=True)
class Hours:
    """Spans of a day in which a citizen may be rung, city time, without overlap; the end does not belong to it."""

    zone: ZoneInfo
    spans: tuple[tuple[time, time], ...]

    def open_at(self, now: datetime) -> bool:
        local = now.astimezone(self.zone).time()
        return any(begins <= local < ends for begins, ends in self.spans)

    def first(self, at: datetime) -> datetime | None:
        """The earliest moment from `at` on in which ringing is allowed; None when there is none on any day."""
        if not self.spans:
            return None
        if self.open_at(at):
            return at
        day = at.astimezone(self.zone).date()
        for later in range(3):
            for begins, _ends in sorted(self.spans):
                moment = datetime.combine(day + timedelta(days=later), begins, self.zone).astimezone(UTC)
                # A clock that is put forward can swallow a beginning: only a moment that is open counts.
                if moment >= at and self.open_at(moment):
                    return moment
        return None


def hours(rules: Rules, zone: ZoneInfo, safe_from: str | None = None, safe_to: str | None = None) -> Hours:
    """The city's window, narrowed by the citizen's safe hours (which may reach over midnight)."""
    window = _spans(rules.opens, rules.closes)
    begins, ends = _clock(safe_from), _clock(safe_to)
    if begins is None and ends is None:
        return Hours(zone, window)
    wanted = _spans(begins or time.min, ends or time.max)
    both = [(max(a, c), min(b, d)) for a, b in window for c, d in wanted]
    return Hours(zone, tuple(sorted((begin, end) for begin, end in both if begin < end)))


def canonical(number: str, city: City) -> str:
    """A number in the one form in which we compare and dial it: national digits, without +86 and punctuation."""
    digits = "".join(sign for sign in number if sign not in " -()（）").removeprefix("tel:")
    for prefix in ("+86", "0086"):
        digits = digits.removeprefix(prefix)
    if len(digits) <= INTERNAL:
        digits = digits.removeprefix(
            "86"
        )  # 86110 is 110 to some exchanges; a longer number may begin like that
    local = digits.removeprefix(city.numbers.area_code)
    return local if local in city.numbers.never_dial else digits


def person_instead(asked: Asked, city: City, rules: Rules) -> Why | None:
    """Why a person must ring this citizen; None when the line may."""
    sensitive = {
        matter.sensitive for matter in city.matters if matter.id in (asked.matter, asked.suggested)
    } - {None}
    if asked.kind == "police":
        return Why.POLICE
    if asked.kind == "silent":
        return Why.SILENT
    if asked.confidential or sensitive & {Sensitive.CONFIDENTIAL, Sensitive.WHISTLE_BLOWER}:
        return Why.CONFIDENTIAL
    if sensitive:
        return Why.SENSITIVE
    if asked.do_not_call:
        return Why.DO_NOT_CALL
    if unfit := unfit_number(asked.phone, city):
        return unfit
    if not hours(rules, city.zone, asked.safe_from, asked.safe_to).spans:
        return Why.NO_HOURS
    return None


def unfit_number(number: str, city: City) -> Why | None:
    """Whether a number must not, or cannot, be dialled. A site's internal numbers are short and may be."""
    digits = canonical(number, city)
    if not digits:
        return Why.WITHHELD
    if digits in city.numbers.never_dial or digits in city.numbers.published:
        return Why.NEVER_DIAL
    if not (digits.isascii() and digits.isdigit()):
        return Why.INVALID
    if 3 <= len(digits) <= INTERNAL:
        return None
    try:
        parsed = phonenumbers.parse(digits, "CN")
    except phonenumbers.NumberParseException:
        return Why.INVALID
    possible = phonenumbers.is_possible_number_with_reason(parsed)
    fits = possible in (ValidationResult.IS_POSSIBLE, ValidationResult.IS_POSSIBLE_LOCAL_ONLY)
    kind = phonenumbers.number_type(parsed)
    return None if fits and kind != phonenumbers.PhoneNumberType.PREMIUM_RATE else Why.INVALID


def due_at(rules: Rules, when: Hours, resolved_at: datetime) -> datetime | None:
    """When the citizen is first asked: the day after the resolution, as soon as ringing is allowed."""
    if rules.due_after_days == 0:
        return when.first(resolved_at)
    return when.first(_midnight(when.zone, resolved_at, rules.due_after_days))


def next_at(
    rules: Rules, when: Hours, now: datetime, rung: Iterable[datetime], ours: datetime | None = None
) -> datetime | None:
    """The earliest moment from `now` on at which a number may ring again; None when there is none at all.

    `rung`: when this number rang before, whichever case it was about: at most `per_number` times within
    `per_number_window`, and `spacing` apart (whole days by the calendar: not twice on one day). `ours`: when we last
    failed by our own fault, which is not an attempt but no reason to try again at once either.
    """
    before = sorted(rung)
    earliest = now
    if before:
        earliest = max(earliest, _spaced(rules, when.zone, before[-1]))
    window = timedelta(seconds=rules.per_number_window)
    if len(before) >= rules.per_number:
        earliest = max(earliest, before[-rules.per_number] + window)
    if ours is not None:
        earliest = max(earliest, ours + timedelta(seconds=min(OURS_AGAIN, rules.spacing)))
    return when.first(earliest)


def exhausted(rules: Rules, rung: int, ours: int) -> Why | None:
    """Whether a round of asking is over: its attempts are used up, or we cannot dial at all."""
    if rung >= rules.attempts:
        return Why.EXHAUSTED
    return Why.CANNOT_DIAL if ours >= OURS_MOST * rules.attempts else None


def room(rules: Rules, free_channels: int, under_way: int) -> int:
    """How many attempts may be leased now: the last `spare_channels` stay with the citizens who ring us.

    `under_way`: leased attempts that do not occupy a channel yet.
    """
    return max(0, free_channels - rules.spare_channels - under_way)


def _spaced(rules: Rules, zone: ZoneInfo, last: datetime) -> datetime:
    if rules.spacing >= DAY and rules.spacing % DAY == 0:
        return _midnight(zone, last, int(rules.spacing // DAY))
    return last + timedelta(seconds=rules.spacing)


def _midnight(zone: ZoneInfo, moment: datetime, days: int) -> datetime:
    day: date = moment.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _spans(begins: time, ends: time) -> tuple[tuple[time, time], ...]:
    if begins < ends:
        return ((begins, ends),)
    return ((time.min, ends), (begins, time.max)) if begins > ends else ()


def _clock(text: str | None) -> time | None:
    try:
        return time.fromisoformat(text) if text else None
    except ValueError:
        return None
