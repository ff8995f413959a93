"""The closed vocabularies of the store. Values are what the database holds; labels live with the pages."""

from __future__ import annotations

from enum import StrEnum


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Disposition(StrEnum):
    """How a call ended for the one who rang (or was rung)."""

    ANSWERED = "answered"  # a person spoke with the citizen
    INTAKE = "intake"  # the automated intake took a report
    SILENT = "silent"  # nobody was heard; treated as possible duress
    ABANDONED = "abandoned"  # gone before a person or a report: welfare list
    NO_MATTER = "no_matter"  # by a person's key only
    FALLBACK = "fallback"  # served by the dialplan alone
    SURVEYED = "surveyed"  # a callback that reached the citizen
    UNREACHED = "unreached"  # a callback that did not
    FAILED = "failed"  # our own fault


class Priority(StrEnum):
    ORDINARY = "ordinary"
    EMERGENCY = "emergency"
    POLICE = "police"


class CaseState(StrEnum):
    OPEN = "open"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    RESOLVED = "resolved"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    RETURNED = "returned"
    EXTENDED = "extended"
    REOPENED = "reopened"
    MERGED = "merged"
    ANSWERED = "answered"  # 即办: settled on the call itself


class Ground(StrEnum):
    """Why a case may be closed (DESIGN 5, the invariant)."""

    CITIZEN_CONFIRMED = "citizen_confirmed"  # (a) a reached citizen
    EXHAUSTED_AND_DECIDED = "exhausted_and_decided"  # (b) plan exhausted and a person's decision
    SUPERVISOR_REASON = "supervisor_reason"  # (c)
    CONFIRMED_ON_CALL = "confirmed_on_call"  # (d) 即办
    NO_MATTER = "no_matter"  # (e)
    MERGED = "merged"  # answered through the case it was merged into


class AttemptState(StrEnum):
    PLANNED = "planned"
    LEASED = "leased"
    DIALLING = "dialling"
    DONE = "done"


class Outcome(StrEnum):
    """How an attempt to call back ended. `OURS` ones are not counted as attempts."""

    COMPLETED = "completed"  # at least *solved?* was answered
    BREAKOFF = "breakoff"  # confirmed by key, then gone before *solved?*
    NO_INPUT = "no_input"  # answered, no key after all askings: not completed
    REFUSED = "refused"  # opted out, or not the person
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"  # no such number, switched off
    UNKNOWN = "unknown"  # after a restart neither ARI nor CDR knows: counts as rung
    OURS = "ours"  # trunk, 503, no ringing: our failure, not an attempt


class RecordingKind(StrEnum):
    CALL = "call"  # ch0 the citizen, ch1 what the citizen hears
    LEG = "leg"  # ch0 the operator, ch1 what the operator hears


class TranscriptState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"  # marked for a person


class Role(StrEnum):
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    UNIT = "unit"
    ADMINISTRATOR = "administrator"
