"""The rules of the dialplan are kept by what we render, and each way to break one is caught."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from config.settings import Settings, load
from dialplan import lint
from dialplan.render import Program, Seat, render

SEATS = (Seat("op1", "11"), Seat("op2", "22"))
TRUNKS = {"citizen": {"match": ["127.0.0.2"], "contact": "sip:127.0.0.2:5070"}}


def rendered(var: Path, overflow: Sequence[str] = ("13900000000",)) -> tuple[str, str, Settings]:
    settings = load(var, trunks=TRUNKS)
    program = Program(var / "modules", ("chan_pjsip", "codec_opus_open_source"), var / "share")
    render(settings, program, "secret", SEATS, ("110", "12345"), overflow, "05986110110")
    etc = var / "asterisk/etc"
    return (etc / "extensions.conf").read_text(), (etc / "pjsip.conf").read_text(), settings


@pytest.fixture
def texts(tmp_path: Path) -> tuple[str, str]:
    extensions, pjsip, _settings = rendered(tmp_path)
    return extensions, pjsip


def test_what_we_render_keeps_the_rules(texts: tuple[str, str]) -> None:
    assert lint.faults(*texts) == []


RECORDER = " same => n,MixMonitor(${MS_REC},D,"

BREAKS = {
    "waits for a mute caller's sound": ("Answer(,i)", "Answer()", 1),
    "answers before it records": ("exten => 110,1,Set(MS_REC=", "exten => 110,1,Answer()\n same => n,Set(MS_REC=", 1),
    "records mixed down to one channel": (RECORDER, " same => n,MixMonitor(${MS_REC},b,", 1),
    "a seat's leg is not recorded": ("[ms-seat]\nexten => s,1,Set(MS_REC=", "[ms-seat]\nexten => s,1,Set(X=", 1),
    "an extension that nobody thought of": ("[ms-seat]", "[ms-other]\nexten => s,1,Answer()\n[ms-seat]", 1),
    "a caller's number in a file name": ("/${UNIQUEID}.raw", "/${CALLERID(num)}.raw", 1),
    "a dialled number in a command": ("touch ", "touch /tmp/${EXTEN} ", 1),
    "strangers reach any number": ("exten => 110,1", "exten => _X.,1", 1),
    "a citizen's call is ended": (" same => n,Goto(ms-fallback,s,1)", " same => n,Hangup()", 1),
    "a citizen's call runs off": (" same => n,Goto(ms-fallback,s,1)", " same => n,NoOp()", 1),
    "a citizen is led elsewhere": (" same => n,Set(MS_DIALLED=${EXTEN})", " same => n,Goto(ms-seat,s,1)", 1),
    "a seat reaches another context": ("exten => 110,1,Goto(ms-110,110,1)", "exten => 110,1,Goto(ms-seat,s,1)", 1),
    "a seat dials out by pattern": ("[ms-operator]\n", "[ms-operator]\nexten => _X.,1,Dial(PJSIP/x)\n", 1),
    "the fallback hangs up after a talk": (",gm(ms-fallback)U(", ",m(ms-fallback)U(", 1),
    "the fallback limits a talk": (",gm(ms-fallback)U(", ",gL(60000)m(ms-fallback)U(", 1),
    "the fallback lets a key end the talk": (",gm(ms-fallback)U(", ",gHm(ms-fallback)U(", 1),
    "the fallback gives up": ("(alone),MusicOnHold", "(alone),Hangup()\n same => n,MusicOnHold", 1),
    "the fallback is busy": ("?alone)\n same => n,ExecIf", "?alone)\n same => n,Busy(5)\n same => n,ExecIf", 1),
    "the fallback may give up": ("(alone),MusicOnHold", "(alone),ExecIf($[1]?Hangup())\n same => n,NoOp", 1),
    "the fallback has a last line": (" same => n,Goto(round)", " same => n,NoOp(end)", 1),
    "the fallback leaves unasked": (" same => n,Goto(round)", " same => n,Goto(ms-done,s,1)", 1),
    "the fallback leaves on another condition": (
        'GotoIf($["${MS_DONE}"="1"]?ms-done,s,1)',
        'GotoIf($["${DIALSTATUS}"="ANSWER"]?ms-done,s,1)',
        -1,
    ),
    "the fallback has a time limit": ("Set(MS_SINCE=${EPOCH})", "Set(TIMEOUT(absolute)=600)", 1),
    "the fallback enters an application": ("(alone),MusicOnHold", "(alone),Stasis(other)\n same => n,MusicOnHold", 1),
    "the fallback is not there": ("[ms-fallback]", "[ms-elsewhere]", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_dialplan_is_caught(texts: tuple[str, str], name: str) -> None:
    extensions, pjsip = texts
    old, new, count = BREAKS[name]
    assert old in extensions
    assert lint.faults(extensions.replace(old, new, count), pjsip) != []


PJSIP = {
    "strangers land with the seats": ("[anonymous]\ntype=endpoint\ncontext=ms-110", "context=ms-operator"),
    "a trunk lands with the callbacks": ("[citizen]\ntype=endpoint\ncontext=ms-110", "context=ms-callback"),
    "a seat lands in the fallback": ("[op1]\ntype=endpoint\ncontext=ms-operator", "context=ms-fallback"),
    "strangers may transfer": ("dtmf_mode=rfc4733\nallow_transfer=no", "allow_transfer=yes"),
    "a seat needs no password": ("identify_by=username\nauth=op1", "identify_by=username"),
}


@pytest.mark.parametrize("name", PJSIP)
def test_a_wrong_endpoint_is_caught(texts: tuple[str, str], name: str) -> None:
    extensions, pjsip = texts
    old, new = PJSIP[name]
    assert old in pjsip
    kept = old.rsplit("\n", 1)[0]
    assert lint.faults(extensions, pjsip.replace(old, f"{kept}\n{new}", 1)) != []
