"""The kinds of events, with what their bodies hold. Names follow NENA i3 LogEvents where i3 has one.

Spooled by the line (what happened on a call; never refused):
"""

from __future__ import annotations

# stream call:<id>
CALL_START = "CallStart"  # direction in|out, caller, dialled, trunk, channel, notice (version of the text)
CALL_ANSWERED = "CallAnswered"  # ms since the INVITE reached Asterisk
CALL_STAGE = "CallStateChange"  # stage
CALL_PRIORITY = "CallPriority"  # priority emergency|ordinary, why
CALL_KEY = "CallKey"  # leg, digit
LEG_START = "LegStart"  # leg (channel id), role operator|citizen|…, seat
LEG_ANSWER = "LegAnswer"  # leg
LEG_END = "LegEnd"  # leg, cause (Q.850), tech_cause (SIP), how answered|busy|rejected|unreachable|no_answer|cancelled
CALL_TALK = "AgentCallStart"  # leg, seat, operator: citizen and operator are bridged
CALL_TALK_END = "AgentCallEnd"  # leg, by caller|operator|phone (the operator's failed)
CLIP = "RecMediaEnd"  # question, clip (file name), seconds: one answer of the intake
CALL_END = "CallEnd"  # disposition (models.words.Disposition), by caller|operator|line|callee, seconds, cause
# stream case:<number>
# number, code, call, phone, callback_phone (the caller's or one confirmed by key, never a heard one), owner, priority,
# kind, welfare (bool), summary, place
CASE_OPENED = "CaseOpened"
# callback_phone, owner, priority, kind, welfare as they now stand, by what happened on the call
CASE_MARKED = "CaseMarked"
# stream attempt:<id>
ATTEMPT_DIALLING = "AttemptDialling"  # attempt, number is not repeated here
ATTEMPT_OUTCOME = "AttemptOutcome"  # attempt, outcome, contacted, solved, satisfied (bool or null)
# stream seat:<name>, line:<node>
SEAT_STATE = "AgentStateChange"  # state
LINE_STATE = "LineState"  # state started|stopping|stopped|link_lost|link_back
LINE_FAULT = "LineFault"  # what

# Written in one store transaction with their noun (a person, the worker or the scheduler; may be refused):
RECORDING_SEALED = "RecMediaSealed"  # recording, path, seconds, pcm_sha256, file_sha256
RECORDING_FAILED = "RecordingFailed"  # recording or channel, why
TRANSCRIBED = "TranscriptMade"  # transcript, engine, model
TRANSCRIPT_FAILED = "TranscriptFailed"  # why, attempts
CASE_SUGGESTED = "CaseSuggested"  # matter, unit
CASE_STEP = "CaseStep"  # step, from, to, by, reason …: one per step of the lifecycle
CASE_REMINDED = "CaseReminded"  # what due, until: a deadline comes near
CASE_ESCALATED = "CaseEscalated"  # what accept|due, until: a deadline has passed
ATTEMPT_PLANNED = "AttemptPlanned"
ATTEMPT_LEASED = "AttemptLeased"
CALLBACK_EXHAUSTED = "CallbackExhausted"  # callback, case, attempts: every attempt was used up
CALLBACK_TO_PERSON = "CallbackToPerson"  # callback, case, why: a person rings, not the line
OPERATOR_CHANGED = "OperatorChanged"
REPLAYED = "Replayed"  # who, recording
EXPORTED = "Exported"
SEARCHED = "Searched"
