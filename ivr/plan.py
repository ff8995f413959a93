"""The guard's orders, `var/run/plan.json`: which processes, in which order, and how each is asked to end."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from config.language import _
from config.settings import Settings
from dialplan.render import ARI_USER
from telephony.asterisk import process as asterisk
from telephony.asterisk.installation import Installation
from telephony.asterisk.secrets import load as load_secrets

WORKER_NICE = 10  # no call feels a transcript being made
SILENT = 3.0  # s without a good beat of the line (DESIGN 3)
FIRST_BEAT = 15.0  # s from the line's start to its first beat: it loads its modules and reads the store


def path(settings: Settings) -> Path:
    return settings.run / "plan.json"


def write(settings: Settings, installation: Installation, *, now: bool = False) -> Path:
    """Writes the plan, which only our user may read, and returns its path. `now`: a stop does not wait for calls."""
    rx = [str(installation.program), "-C", str(asterisk.configuration(settings)), "-rx"]
    env = os.environ | {
        "MINSHENG_VAR": str(settings.var),
        "MINSHENG_PROFILE": settings.profile,
        "MINSHENG_CACHE": str(settings.cache),
        "PYTHONUNBUFFERED": "1",
    }

    def process(name: str, argv: list[str], env: dict[str, str], nice: int = 0) -> dict[str, Any]:
        log = str(settings.var / "log" / f"{name}.log")
        cwd = str(settings.var)  # tells the processes of one site from another's
        return {"name": name, "argv": argv, "env": env, "cwd": cwd, "log": log, "nice": nice}

    python = [sys.executable, "-P", "-m"]
    plan = {
        "now": now,
        "log": str(settings.var / "log" / "guard.log"),
        "sentences": sentences(settings.var),
        "processes": [
            process("asterisk", asterisk.command(settings, installation), asterisk.environment()),
            process("line", [*python, "ivr.line"], env),
            process("worker", [*python, "ivr.worker"], env, WORKER_NICE),
        ],
        "heartbeat": {
            "name": "line",
            "silent": SILENT,
            "first_beat": FIRST_BEAT,
            "port": settings.asterisk.http_port,
            "user": ARI_USER,
            "password": load_secrets(settings.secrets, []).ari,
            "citizens": ["ms-110", "ms-fallback"],
            "fallback": "ms-fallback",
            "console": rx,
        },
        "stop": [
            {
                "name": "asterisk",
                # Not "gracefully": that refuses every new channel, so no phone could ring for one who still waits.
                "command": [*rx, "core stop when convenient"],
                "command_now": [*rx, "core stop now"],
                "within": None,  # calls are finished, however long they take
                "within_now": 3.0,
            },
            {"name": "line", "within": 10.0, "within_now": 3.0},
            {"name": "worker", "within": 60.0, "within_now": 10.0},
        ],
    }
    written = path(settings)
    fresh = written.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(plan, file, ensure_ascii=False, indent=1)
    fresh.replace(written)
    return written


def sentences(var: Path) -> dict[str, str]:
    """What the guard says, in the user's language; it fills in the {named} parts itself."""
    return {
        "adopted": _("{name} 还在运行，接着看护"),
        "ended": _("{name} 已退出（{status}），{seconds} 秒后重新启动；日志：{log}"),
        "cannot_start": _("{name} 启动不了，稍后再试；日志：{log}"),
        "rescued": _(
            "{name} 已 {seconds} 秒没有好的心跳：{callers} 位来电人转给话机振铃；先停下 {phones} 部替它振铃的话机"
        ),
        "unreachable": _("{name} 没有心跳，Asterisk 也没有应答；继续尝试"),
        "hung": _("{name} 没有反应：强制结束后重新启动；它停在哪里见日志 {log}"),
        "deaf": _("听不到心跳：{why}；其余照常看护"),
        "stopping": _("正在停止：等通话结束（再按一次 Ctrl-C 则不等）……"),
        "stopping_now": _("正在停止，不等通话结束……"),
        "left": _("{name} 已停止"),
        "stopped": _("已停止"),
        "busy": busy(var),
    }


def busy(var: Path) -> str:
    return _("{var} 上已有系统在运行；要停止它：MINSHENG_VAR={var} minsheng stop", var=var)
