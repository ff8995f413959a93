"""What the line before this one told of a call, so that its report goes on where it was (DESIGN 3, adoption)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from ivr.house import House
from ivr.report import RANK, CaseName, Report, clock
from ivr.stages.talking import NO_MATTER_KEY
from models import kinds
from models.event import Event, now
from models.ids import leg_of
from models.words import Priority
from telephony.ari._generated import models as ari
from telephony.call import Call, Clip

SPARE_LEGS = 100  # leg numbers passed over: the last ones given out may not have reached the disk


@dataclass
class Past:
    """Of one call, by its events in order."""

    events: list[Event] = field(default_factory=list)
    stage: str = ""
    talk: str = ""  # the leg they were last joined with
    talking: bool = False  # and nobody told that it ended
    rung: dict[str, str] = field(default_factory=dict)  # leg: seat; those whose end nobody told
    answered: set[str] = field(default_factory=set)
    legs: int = 0  # the highest number of a leg

    def has(self, kind: str) -> bool:
        return any(event.kind == kind for event in self.events)

    def last(self, kind: str) -> Event | None:
        return next((event for event in reversed(self.events) if event.kind == kind), None)


def pasts(events: Iterable[Event]) -> dict[str, Past]:
    """By call; the events of a call's case are among them."""
    found: dict[str, Past] = {}
    cases: dict[str, str] = {}  # case: call
    for event in events:
        subject, _, name = event.stream.partition(":")
        if event.kind == kinds.CASE_OPENED:
            cases[name] = str(event.body.get("call", ""))
        call = name if subject == "call" else cases.get(name, "") if subject == "case" else ""
        if call:
            past = found.setdefault(call, Past())
            past.events.append(event)
            _follow(past, event)
    return found


def _follow(past: Past, event: Event) -> None:
    """Its stage and its legs."""
    body = event.body
    leg = str(body.get("leg", ""))
    name = leg_of(leg)
    if name is not None:
        past.legs = max(past.legs, name.attempt)
    match event.kind:
        case kinds.CALL_STAGE:
            past.stage = str(body.get("stage", ""))
        case kinds.LEG_START:
            past.rung[leg] = str(body.get("seat", ""))
        case kinds.LEG_ANSWER:
            past.answered.add(leg)
        case kinds.LEG_END:
            past.rung.pop(leg, None)
        case kinds.CALL_TALK:
            past.talk, past.talking = leg, True
        case kinds.CALL_TALK_END:
            past.talking = False


def rebuilt(house: House, call: Call, channel: ari.Channel, past: Past) -> Report:
    """The report as it was. Nothing is told anew but what never reached the disk."""
    begun = past.last(kinds.CALL_START)
    since = begun.at if begun is not None else channel.creationtime
    report = Report(house, call, call.caller, arrived=clock() - max(0.0, (now() - since).total_seconds()))
    report.trunk = channel.name.removeprefix("PJSIP/").rpartition("-")[0]
    for event in past.events:
        with contextlib.suppress(KeyError, ValueError, TypeError):  # by an older version, or damaged
            _remember(report, past, event)
    report.failed = report.faults > 0
    if begun is None:
        report.started(channel, dialled(channel))
    return report


def dialled(channel: ari.Channel) -> str:
    """The published number, as the dialplan passes it to us with each call."""
    _, asked, number = channel.dialplan.app_data.rpartition("incoming:")
    return number if asked else channel.dialplan.exten


def _remember(report: Report, past: Past, event: Event) -> None:
    body = event.body
    match event.kind:
        case kinds.CALL_PRIORITY:
            report.priority = max(report.priority, Priority(body["priority"]), key=lambda one: RANK[one])
            report.silent = report.silent or body.get("why") == "silent"
        case kinds.CLIP:
            name = str(body["clip"]).removesuffix(".wav")
            report.clips[body["question"]] = Clip(name, float(body["seconds"]))
        case kinds.CALLBACK_NUMBER:
            report.callback_phone = body["phone"]
        case kinds.CALL_TALK:
            report.operator, report.no_matter = body["operator"], False
        case kinds.CALL_TALK_END:
            report.ended_by = "operator" if body["by"] == "operator" else "caller"
        case kinds.CALL_KEY if body["leg"] == past.talk != "" and body["digit"] == NO_MATTER_KEY:
            report.no_matter = True
        case kinds.LINE_FAULT:
            report.faults += 1
        case kinds.CASE_OPENED:
            report.case = CaseName(body["number"], body["code"], event)
            _owned(report, event)
        case kinds.CASE_MARKED:
            _owned(report, event)


def _owned(report: Report, event: Event) -> None:
    """Whose the case is; the supervisor's, and no welfare matter: then the intake had reached its end."""
    owner = event.body["owner"]
    if owner != report.house.city.supervisor.id:
        report.operator = owner
    elif not event.body["welfare"]:
        report.complete = True
