"""How the words of the store are called where people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.language import _
from models.words import Disposition, Ground, Outcome, Role


def disposition(value: object) -> str:
    """How a call ended."""
    named = {
        Disposition.ANSWERED: _("有人接听"),
        Disposition.INTAKE: _("自动受理"),
        Disposition.SILENT: _("没有人说话"),
        Disposition.ABANDONED: _("未接通就挂断"),
        Disposition.NO_MATTER: _("无诉求"),
        Disposition.FALLBACK: _("由交换机直接接待"),
        Disposition.SURVEYED: _("回访完成"),
        Disposition.UNREACHED: _("回访没有找到人"),
        Disposition.FAILED: _("线路自己出错"),
    }
    return _named(named, value)


def outcome(value: object) -> str:
    """How one attempt to call back ended."""
    named = {
        Outcome.COMPLETED: _("问完"),
        Outcome.BREAKOFF: _("中途挂断"),
        Outcome.NO_INPUT: _("接了，没有按键"),
        Outcome.REFUSED: _("不是本人，或不愿回答"),
        Outcome.BUSY: _("占线"),
        Outcome.NO_ANSWER: _("没有人接"),
        Outcome.REJECTED: _("拒接"),
        Outcome.UNREACHABLE: _("打不通"),
        Outcome.UNKNOWN: _("不知结果"),
        Outcome.OURS: _("线路自己的故障，不计次数"),
    }
    return _named(named, value)


def ground(value: object) -> str:
    """On what ground a case is filed."""
    named = {
        Ground.CITIZEN_CONFIRMED: _("市民本人确认"),
        Ground.EXHAUSTED_AND_DECIDED: _("回访用尽，由人决定"),
        Ground.SUPERVISOR_REASON: _("班长写明理由"),
        Ground.CONFIRMED_ON_CALL: _("当场办结"),
        Ground.NO_MATTER: _("无诉求"),
        Ground.MERGED: _("随主单答复"),
    }
    return _named(named, value)


def stage(value: object) -> str:
    """What a call that is still on is doing."""
    named = {
        "": _("振铃"),
        "greeting": _("播告知语"),
        "queue": _("等人接听"),
        "waiting": _("等人接听"),
        "talking": _("通话中"),
        "after_talk": _("通话之后"),
        "intake": _("自动受理中"),
        "silence": _("听不到说话"),
        "survey:confirm": _("回访：确认本人"),
        "survey:contacted": _("回访：问联系"),
        "survey:solved": _("回访：问解决"),
        "survey:satisfied": _("回访：问满意"),
    }
    return _named(named, value)


def role(value: object) -> str:
    """What an account is for."""
    named = {
        Role.OPERATOR: _("接警员"),
        Role.SUPERVISOR: _("班长"),
        Role.UNIT: _("单位"),
        Role.ADMINISTRATOR: _("管理员"),
    }
    return _named(named, value)


def _named(named: Mapping[Any, str], value: object) -> str:
    return named.get(value, str(value))
