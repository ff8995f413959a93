"""What one call has told us so far, and the events that say so."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ivr.house import House
from models import kinds
from models.event import Event, Json, now
from models.words import Disposition, Priority
from telephony.ari._generated import models as ari
from telephony.call import Call, Clip


@dataclass(frozen=True)
class CaseName:
    """A case's internal number and the code that is spoken, with the event that opened it."""

    number: str
    code: str
    opened: Event


RANK = {Priority.ORDINARY: 0, Priority.EMERGENCY: 1, Priority.POLICE: 2}


def clock() -> float:
    """The loop's monotonic time, in seconds."""
    return asyncio.get_running_loop().time()


@dataclass
class Report:
    """Grows while the call lasts; its end decides the disposition (DESIGN 4.4)."""

    house: House
    call: Call
    phone: str
    arrived: float = field(default_factory=clock)  # s, the loop's time
    trunk: str = ""  # the endpoint it came by: a trunk, or a seat's own phone
    callback_phone: str = ""
    priority: Priority = Priority.ORDINARY
    operator: str | None = None
    no_matter: bool = False
    silent: bool = False
    unheard: int = 0  # how often they were asked to press or to knock, since nobody is heard
    complete: bool = False  # the intake reached its end
    takes: Counter[str] = field(default_factory=Counter)  # clips begun, by question
    clips: dict[str, Clip] = field(default_factory=dict)
    case: CaseName | None = None
    ended_by: str = "caller"
    faults: int = 0  # how often a dialogue of ours raised
    failed: bool = False  # the dialplan had, or has, the citizen

    # Facts ----------------------------------------------------------------------------------------------

    def note(self, kind: str, /, **body: Json) -> Event:
        return self.house.note(f"call:{self.call.id}", kind, **body)

    def started(self, channel: ari.Channel, dialled: str) -> None:
        """The call's first two facts, with the recorder's clock as Asterisk tells it."""
        variables = channel.channelvars or {}
        self.trunk = channel.name.removeprefix("PJSIP/").rpartition("-")[0]
        self.note(
            kinds.CALL_START,
            direction="in",
            caller=self.phone,
            dialled=dialled,
            trunk=self.trunk,
            channel=channel.id,
            notice=self.house.city.notice.version,
            recorder_at=recorder_time(variables.get("MS_REC_AT", "")),
        )
        self.note(kinds.CALL_ANSWERED, ms=answer_ms(channel, variables.get("MS_ANS_AT", "")))

    def urgent(self, why: str, priority: Priority = Priority.EMERGENCY) -> None:
        """Priority only rises."""
        if RANK[priority] > RANK[self.priority]:
            self.priority = priority
            self.note(kinds.CALL_PRIORITY, priority=priority.value, why=why)

    def next_clip(self, question: str) -> str:
        """The name of the next clip, its WAV's too: never one that was used."""
        self.takes[question] += 1
        return f"{self.call.id}.{question}.{self.takes[question]}"

    def heard(self, question: str, clip: Clip) -> None:
        """An answer in which somebody is heard."""
        self.clips[question] = clip
        self.note(kinds.CLIP, question=question, clip=f"{clip.name}.wav", seconds=clip.seconds)

    # The case -------------------------------------------------------------------------------------------

    def claimed(self, operator: str) -> None:
        """首问负责: the operator who takes the call owns its case, from this moment on."""
        self.operator = operator
        self.no_matter = False  # said by an earlier operator: this one decides anew
        if self.case is None:
            self.open_case()
        else:
            self._mark_case()

    def open_case(self) -> CaseName:
        """Give the case its number and code; both are on disk before they are spoken (`on_disk`).

        Numbers of the day are reserved beforehand (`ivr.staff`): this waits for nothing.
        """
        if self.case is None:
            house = self.house
            today = datetime.now(ZoneInfo(house.settings.timezone)).date()
            number = house.spool.take_case_number(today)
            code = house.spool.take_code(self.phone)
            opened = house.note(
                f"case:{number}",
                kinds.CASE_OPENED,
                number=number,
                code=code,
                call=self.call.id,
                phone=self.phone,
                **self._case_facts(),
            )
            self.case = CaseName(number, code, opened)
        return self.case

    def _mark_case(self) -> None:
        if self.case is not None:
            self.house.note(f"case:{self.case.number}", kinds.CASE_MARKED, **self._case_facts())

    def _case_facts(self) -> dict[str, Json]:
        return {
            "callback_phone": self.callback_phone or self.phone,
            "owner": self.operator or self.house.city.supervisor.id,
            "priority": self.priority.value,
            "kind": self._kind(),
            "welfare": self._welfare(),
        }

    def _kind(self) -> str:
        if self.no_matter:
            return "no_matter"
        if self.operator is not None:
            return "police" if self.priority is Priority.POLICE else "civic"
        if self.silent:
            return "silent"
        return "civic" if self.spoken_for else "abandoned"

    def _welfare(self) -> bool:
        """A person must call back at once: nobody was spoken with and no whole report was taken."""
        return self.operator is None and not self.complete

    @property
    def spoken_for(self) -> bool:
        """The intake holds at least what has happened, in the citizen's own voice."""
        return "what" in self.clips

    # The end --------------------------------------------------------------------------------------------

    @property
    def disposition(self) -> Disposition:
        if self.no_matter:
            return Disposition.NO_MATTER
        if self.operator is not None:
            return Disposition.ANSWERED
        if self.failed:
            return Disposition.FALLBACK
        if self.silent:
            return Disposition.SILENT
        return Disposition.INTAKE if self.spoken_for else Disposition.ABANDONED

    def finish(self, cause: int) -> None:
        """The call's last facts: its case as it now stands, and how it ended."""
        if self.case is None:
            self.open_case()
        else:
            self._mark_case()
        assert self.case is not None
        self.note(
            kinds.CALL_END,
            disposition=self.disposition.value,
            by=self.ended_by,
            seconds=round(clock() - self.arrived, 3),
            cause=cause,
            case=self.case.number,
        )


def dialable(caller: str) -> str:
    """A caller's number as far as it is one: digits, perhaps a plus before them. "" for a withheld one and rubbish.

    Nothing else that a stranger sends reaches a caller id, the name of an endpoint or of a file (DESIGN 8).
    """
    number = re.sub(r"[ ().-]", "", caller)
    return number if re.fullmatch(r"\+?[0-9]{1,20}", number) else ""


def recorder_time(epoch: str) -> str:
    """Asterisk's `MS_REC_AT` as ISO 8601 UTC; now, where the variable is missing."""
    try:
        return datetime.fromtimestamp(float(epoch), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return now().isoformat()


def answer_ms(channel: ari.Channel, epoch: str) -> int:
    """From the INVITE (the channel's creation) to the 200 OK, in milliseconds."""
    try:
        return max(0, round((float(epoch) - channel.creationtime.timestamp()) * 1000))
    except (ValueError, OverflowError):
        return 0
