"""The first tables."""

from __future__ import annotations

from alembic import op

from models.store.migrations.columns import (
    BIGINT,
    BOOLEAN,
    BYTES,
    INTEGER,
    JSON,
    JSONB,
    REAL,
    SERIAL,
    TEXT,
    TIME,
    UUID,
    among,
    check,
    index,
    key,
    may,
    must,
    refers,
    unique,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for step in (_log, _calls, _people, _cases):
        step()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


TABLES = (
    "event",
    "refused_event",
    "spool_cursor",
    "call",
    "leg",
    "recording",
    "transcript",
    "segment",
    "operator",
    "shift",
    "citizen",
    "line_order",
    "case_file",
    "assignment",
    "callback",
    "attempt",
)


def _log() -> None:
    op.create_table(
        "event",
        *must(SERIAL, "seq"),
        *must(UUID, "id"),
        *must(TIME, "at"),
        *must(TEXT, "node", "stream", "kind"),
        *must(JSON, "body"),
        *may(TEXT, "spool"),
        *may(BIGINT, "spool_row"),
        key("event", "seq"),
        unique("event", "id"),
        sqlite_autoincrement=True,
    )
    index("event", "ix_event_at", "at")
    index("event", "ix_event_kind_at", "kind", "at")
    index("event", "ix_event_stream_at", "stream", "at")
    op.create_table(
        "refused_event",
        *must(TEXT, "node", "spool"),
        *must(BIGINT, "spool_row"),
        *must(BYTES, "data"),
        *must(TEXT, "why"),
        *must(TIME, "at"),
        key("refused_event", "node", "spool", "spool_row"),
    )
    op.create_table(
        "spool_cursor",
        *must(TEXT, "node", "spool"),
        *must(BIGINT, "last_row"),
        *may(UUID, "last"),
        key("spool_cursor", "node", "spool"),
    )


def _calls() -> None:
    op.create_table(
        "call",
        *must(TEXT, "id", "node", "direction", "number", "dialled", "trunk"),
        *must(TIME, "started_at"),
        *may(INTEGER, "answered_ms"),
        *may(TIME, "talk_at", "ended_at"),
        *may(REAL, "seconds"),
        *must(TEXT, "stage", "priority"),
        *may(TEXT, "disposition", "ended_by"),
        *may(INTEGER, "cause"),
        *may(TEXT, "operator", "case_number"),
        *must(TEXT, "notice"),
        key("call", "id"),
    )
    index("call", "ix_call_case_number", "case_number")
    index("call", "ix_call_disposition", "disposition")
    index("call", "ix_call_live", "started_at", where="ended_at IS NULL")
    index("call", "ix_call_number_started", "number", "started_at")
    index("call", "ix_call_started_at", "started_at")
    op.create_table(
        "leg",
        *must(TEXT, "id", "call_id", "role"),
        *may(TEXT, "seat"),
        *must(TIME, "started_at"),
        *may(TIME, "answered_at", "joined_at", "ended_at"),
        *may(TEXT, "how"),
        *may(INTEGER, "cause"),
        key("leg", "id"),
        refers("leg", "call_id", "call.id"),
    )
    index("leg", "ix_leg_call_id", "call_id")
    op.create_table(
        "recording",
        *must(UUID, "id"),
        *must(TEXT, "channel", "call_id", "kind", "path", "codec"),
        *must(INTEGER, "rate", "channels"),
        *must(REAL, "seconds"),
        *must(TIME, "starts_at"),
        *must(TEXT, "pcm_sha256", "file_sha256"),
        *must(BIGINT, "bytes"),
        *must(TEXT, "retention"),
        *must(BOOLEAN, "hold"),
        *must(TIME, "sealed_at"),
        key("recording", "id"),
        unique("recording", "channel"),
    )
    index("recording", "ix_recording_call_id", "call_id")
    op.create_table(
        "transcript",
        *must(UUID, "id"),
        *must(TEXT, "call_id", "state"),
        *must(INTEGER, "tries"),
        *may(TIME, "next_try_at"),
        *must(TEXT, "why", "engine", "model"),
        *may(TIME, "made_at"),
        key("transcript", "id"),
        check("transcript", "state", among("state", "waiting done failed")),
    )
    index("transcript", "ix_transcript_call_id", "call_id")
    index("transcript", "ix_transcript_state_next", "state", "next_try_at")
    op.create_table(
        "segment",
        *must(SERIAL, "id"),
        *must(UUID, "transcript_id"),
        *must(TEXT, "channel"),
        *must(REAL, "starts", "ends"),
        *must(TEXT, "text", "raw"),
        *must(BOOLEAN, "uncertain"),
        *must(JSONB, "words"),
        key("segment", "id"),
        refers("segment", "transcript_id", "transcript.id", ondelete="CASCADE"),
    )
    index("segment", "ix_segment_transcript_starts", "transcript_id", "starts")


def _people() -> None:
    op.create_table(
        "operator",
        *must(TEXT, "id", "number", "name", "role"),
        *must(JSONB, "skills"),
        *must(BOOLEAN, "active"),
        key("operator", "id"),
        unique("operator", "number"),
    )
    op.create_table(
        "shift",
        *must(UUID, "id"),
        *must(TEXT, "operator"),
        *must(BOOLEAN, "led"),
        *must(TIME, "began_at"),
        *may(TIME, "ended_at"),
        key("shift", "id"),
        refers("shift", "operator", "operator.id"),
    )
    index("shift", "ix_shift_began", "began_at")
    index("shift", "uq_shift_operator_open", "operator", unique=True, where="ended_at IS NULL")
    op.create_table(
        "citizen",
        *must(TEXT, "phone"),
        *must(BOOLEAN, "do_not_call", "nuisance"),
        *may(TEXT, "safe_from", "safe_to"),
        *must(JSONB, "marks"),
        key("citizen", "phone"),
    )
    op.create_table(
        "line_order",
        *must(UUID, "id"),
        *must(TEXT, "what"),
        *must(JSONB, "body"),
        *must(TEXT, "by", "session"),
        *must(TIME, "at", "expires_at"),
        *may(TIME, "done_at"),
        *may(TEXT, "result"),
        key("line_order", "id"),
    )
    index("line_order", "ix_line_order_open", "at", where="done_at IS NULL")


def _cases() -> None:
    op.create_table(
        "case_file",
        *must(TEXT, "number", "code", "phone", "callback_phone", "call_id"),
        *must(TIME, "opened_at"),
        *must(INTEGER, "version"),
        *must(TEXT, "state", "kind", "priority", "owner"),
        *may(TEXT, "offered_to"),
        *must(BOOLEAN, "welfare", "confidential", "supervised"),
        *must(TEXT, "summary", "place"),
        *may(TEXT, "matter", "unit", "suggested_matter", "suggested_unit", "ground"),
        *must(TEXT, "ground_note"),
        *may(TEXT, "merged_into"),
        *may(TIME, "accept_by", "due_at", "resolved_at", "closed_at"),
        key("case_file", "number"),
        check("case_file", "closed_has_ground", "state <> 'closed' OR (ground IS NOT NULL AND ground <> '')"),
        check(
            "case_file",
            "ground",
            "ground IS NULL OR "
            + among(
                "ground",
                "citizen_confirmed exhausted_and_decided supervisor_reason confirmed_on_call no_matter merged",
            ),
        ),
        check("case_file", "has_owner", "owner <> ''"),
        check(
            "case_file",
            "merged_somewhere",
            "state <> 'merged' OR (merged_into IS NOT NULL AND merged_into <> number)",
        ),
        check(
            "case_file",
            "state",
            among(
                "state",
                "open assigned accepted resolved confirmed closed returned extended reopened merged answered",
            ),
        ),
        refers("case_file", "merged_into", "case_file.number"),
    )
    index("case_file", "ix_case_file_call_id", "call_id")
    index("case_file", "ix_case_file_callback_phone", "callback_phone")
    index("case_file", "ix_case_file_opened_at", "opened_at")
    index("case_file", "ix_case_file_owner_state", "owner", "state")
    index("case_file", "ix_case_file_state_due", "state", "due_at")
    index("case_file", "ix_case_file_unit_state", "unit", "state")
    index("case_file", "uq_case_file_phone_code", "phone", "code", unique=True, where="phone <> ''")
    op.create_table(
        "assignment",
        *must(UUID, "id"),
        *must(TEXT, "case_number", "unit"),
        *must(BOOLEAN, "lead"),
        *must(TIME, "assigned_at"),
        *must(TEXT, "assigned_by"),
        *may(TIME, "accepted_at", "resolved_at"),
        *must(TEXT, "result"),
        *may(TIME, "returned_at"),
        *must(TEXT, "return_reason"),
        *may(TIME, "extended_to"),
        key("assignment", "id"),
        refers("assignment", "case_number", "case_file.number"),
    )
    index("assignment", "ix_assignment_case_number", "case_number")
    index("assignment", "ix_assignment_unit", "unit")
    op.create_table(
        "callback",
        *must(UUID, "id"),
        *must(TEXT, "case_number", "phone"),
        *must(TIME, "planned_at", "due_at"),
        *must(TEXT, "state", "why_person"),
        *may(BOOLEAN, "contacted", "solved", "satisfied"),
        *may(TEXT, "disposition"),
        *may(TIME, "done_at"),
        key("callback", "id"),
        check("callback", "state", among("state", "open person done")),
        refers("callback", "case_number", "case_file.number"),
    )
    index("callback", "ix_callback_case_number", "case_number")
    index("callback", "ix_callback_state_due", "state", "due_at")
    index("callback", "uq_callback_case_open", "case_number", unique=True, where="state = 'open'")
    op.create_table(
        "attempt",
        *must(UUID, "id", "callback_id"),
        *must(TEXT, "case_number", "phone", "state"),
        *must(TIME, "planned_at"),
        *may(TIME, "leased_at", "dialled_at", "ended_at"),
        *may(TEXT, "call_id", "outcome"),
        *must(JSONB, "answers"),
        key("attempt", "id"),
        check("attempt", "done_has_outcome", "state <> 'done' OR outcome IS NOT NULL"),
        check("attempt", "state", among("state", "planned leased dialling done")),
        refers("attempt", "callback_id", "callback.id"),
    )
    index("attempt", "ix_attempt_callback_id", "callback_id")
    index("attempt", "ix_attempt_case_number", "case_number")
    index("attempt", "ix_attempt_phone_planned", "phone", "planned_at")
    index("attempt", "uq_attempt_phone_live", "phone", unique=True, where="state IN ('leased', 'dialling')")
