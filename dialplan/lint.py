"""The rules no rendering may break (DESIGN 4.8 and 8), read from the text that Asterisk will read.

1. A context that a phone can reach records before it does anything else.
2. Strangers and trunks reach `ms-110` only, seats `ms-operator` only; neither leads to another context than the
   line's own; a context with patterns or the catch-all is no published number.
3. The fallback ends no call: it has no application that could hang up, no time limit, goes on after a talk, and leaves
   only for `ms-done`, under the condition that the line has finished.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

CITIZEN = "ms-110"
OPERATOR = "ms-operator"
FALLBACK = "ms-fallback"
FINISHED = "ms-done"
OURS = {CITIZEN, OPERATOR, FALLBACK, FINISHED}
# What a citizen's call may be put through: none of these ends it.
HARMLESS = {"set", "noop", "mixmonitor", "answer", "stasisbroadcast", "goto", "gotoif", "execif", "dial"}
HARMLESS |= {"playback", "musiconhold"}
JUMPS = {"goto", "gotoif", "gotoiftime", "gosub", "gosubif"}
RECORDER = ["Set(MS_REC=", "Set(MS_REC_AT=", "MixMonitor("]
DONE = '$["${MS_DONE}"="1"]'


@dataclass(frozen=True)
class Step:
    """One priority: `app(data)`, and its label if it has one."""

    label: str
    app: str
    data: str

    @property
    def text(self) -> str:
        return f"{self.app}({self.data})"


Contexts = dict[str, dict[str, list[Step]]]


def faults(extensions: str, pjsip: str) -> list[str]:
    """What is against the rules, each as `context,extension: what`; empty when all is well."""
    contexts = parse(extensions)
    return [*_reach(contexts, pjsip), *_recorded(contexts), *_never_released(contexts)]


def parse(extensions: str) -> Contexts:
    """Contexts, their extensions and steps; `include`s and other lines count as a step of extension ``."""
    contexts: Contexts = {}
    context: dict[str, list[Step]] = {}
    steps: list[Step] = []
    for raw in extensions.splitlines():
        line = re.sub(r"(^|\s);.*", "", raw).strip()
        if heading := re.fullmatch(r"\[([^\]]+)\](\(.*\))?", line):
            context = contexts.setdefault(heading[1], {})
        elif step := re.match(
            r"(?:exten|same)\s*=>?\s*(?:([^,]+),)?(\w+)(?:\((\w+)\))?,\s*(\w+)(?:\((.*)\))?$", line
        ):
            if step[1]:
                steps = context.setdefault(step[1].strip(), [])
            steps.append(Step(step[3] or "", step[4], step[5] or ""))
        elif line and heading is None:
            context.setdefault("", []).append(Step("", line, ""))
    return contexts


def _endpoints(pjsip: str) -> Iterator[tuple[str, dict[str, str]]]:
    for section in re.split(r"^\[", pjsip, flags=re.MULTILINE)[1:]:
        name, _bracket, body = section.partition("]")
        lines = [line.split(";")[0].strip() for line in body.splitlines()]
        values = {
            key.strip(): value.strip() for key, _eq, value in (line.partition("=") for line in lines if line)
        }
        if values.get("type") == "endpoint":
            yield name, values


def _reach(contexts: Contexts, pjsip: str) -> Iterator[str]:
    for name, endpoint in _endpoints(pjsip):
        wanted = OPERATOR if "auth" in endpoint else CITIZEN
        if endpoint.get("context") != wanted:
            yield f"endpoint {name}: context {endpoint.get('context')}, not {wanted}"
        if wanted == CITIZEN and endpoint.get("allow_transfer", "yes") != "no":
            yield f"endpoint {name}: may transfer"
        for other in ("subscribe_context", "message_context"):
            if other in endpoint:
                yield f"endpoint {name}: {other}"
    for context in (CITIZEN, OPERATOR):
        for extension, steps in contexts.get(context, {}).items():
            if not re.fullmatch(r"\+?[0-9]+", extension):
                yield f"{context},{extension}: not a published number"
            for step in steps:
                for target in _targets(step):
                    if target not in OURS:
                        yield f"{context},{extension}: leads to {target}"


def _targets(step: Step) -> Iterator[str]:
    """Contexts that a step jumps to; a jump to a label or extension of its own context is none."""
    if step.app.lower() not in JUMPS:
        return
    data = step.data
    if step.app.lower() not in ("goto", "gosub"):
        data = data.rpartition("?")[2]
    for target in data.split(":"):
        parts = target.split("(")[0].split(",")
        if len(parts) == 3:
            yield parts[0]


def _recorded(contexts: Contexts) -> Iterator[str]:
    """Rule 1, also for the legs that our own calls make: every context but the ones only jumped to."""
    for context, extensions in contexts.items():
        if context in ("general", "globals", FALLBACK, FINISHED):
            continue
        for extension, steps in extensions.items():
            begins = [step.text for step in steps[:3]]
            forwards = (
                context == OPERATOR and len(steps) == 1 and steps[0].text == f"Goto({CITIZEN},{extension},1)"
            )
            records = len(begins) == 3 and all(
                text.startswith(start) for text, start in zip(begins, RECORDER, strict=True)
            )
            if not forwards and not records:
                yield f"{context},{extension}: does not record first"
            elif records and not re.match(r"MixMonitor\(\$\{MS_REC\},D,", begins[2]):
                yield f"{context},{extension}: records another way"
            elif records and re.search(r"CALLERID|EXTEN|DNID|RDNIS", " ".join(begins)):
                yield f"{context},{extension}: a name from outside in a file name or command"


def _never_released(contexts: Contexts) -> Iterator[str]:
    for extension, steps in contexts.get(FALLBACK, {}).items():
        where = f"{FALLBACK},{extension}"
        for step in steps:
            yield from (f"{where}: {what}" for what in _releases(step))
        last = steps[-1]
        if last.app.lower() != "goto" or "," in last.data:
            yield f"{where}: runs off its end"
        if not any(step.app == "MixMonitor" for step in steps[:4]):
            yield f"{where}: a call that was not recorded yet stays so"
    if FALLBACK not in contexts:
        yield f"{FALLBACK}: is missing"
    for extension, steps in contexts.get(CITIZEN, {}).items():
        if steps and steps[-1].text != f"Goto({FALLBACK},s,1)":
            yield f"{CITIZEN},{extension}: does not end in the fallback"
        for step in steps:
            yield from (f"{CITIZEN},{extension}: {what}" for what in _releases(step) if "leaves" not in what)


def _releases(step: Step) -> Iterator[str]:
    app, data = step.app.lower(), step.data
    # ExecIf(cond?App(args)): the inner application counts.
    inner = re.search(r"\?\s*(\w+)\(", data) if app == "execif" else None
    for name in filter(None, (app, inner[1].lower() if inner else None)):
        if name not in HARMLESS:
            yield f"{name} may end the call"
    if "TIMEOUT(absolute)" in data.replace(" ", "") or app == "absolutetimeout":
        yield "a time limit"
    if app == "answer" and data != ",i":
        yield "waits half a second for the caller's sound before it goes on"
    if app == "dial":
        options = data.split(",")[2] if data.count(",") >= 2 else ""
        plain = re.sub(r"\([^)]*\)", "", options)
        if "g" not in plain:
            yield "a talk that the seat ends ends the call"
        if set(plain) & set("LShHtTkKwWxXeF"):
            yield "an option of Dial that can end or move the call"
    for target in _targets(step):
        conditional = app == "gotoif" and data.startswith(f"{DONE}?{FINISHED},") and ":" not in data
        if target != FALLBACK and not conditional:
            yield f"leaves for {target}"
