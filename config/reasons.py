"""Why a value is refused, in the user's language: the validator's own words are English and for programmers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.language import _


def reason(kind: str, about: Mapping[str, Any], message: str) -> str:
    """A sentence for one error of pydantic: its `type`, its `ctx` and, where it is a rare one, its `msg`."""
    match kind:
        case "extra_forbidden":
            return _("没有这一项设置")
        case "missing":
            return _("缺少这一项")
        case "value_error":
            return str(about.get("error", message))
        case "greater_than":
            return _("要大于 {bound}", bound=about["gt"])
        case "greater_than_equal":
            return _("不能小于 {bound}", bound=about["ge"])
        case "less_than":
            return _("要小于 {bound}", bound=about["lt"])
        case "less_than_equal":
            return _("不能大于 {bound}", bound=about["le"])
        case "string_pattern_mismatch":
            return _("写法不对，应符合 {pattern}", pattern=about["pattern"])
        case "literal_error":
            return _("只能是 {expected}", expected=str(about["expected"]).replace(" or ", " / "))
        case "too_short":
            return _("至少要有 {count} 项", count=about["min_length"])
    return _of_kind(kind) or message


def _of_kind(kind: str) -> str:
    """For a value of the wrong kind: what it should be."""
    if kind == "int_from_float":
        return _("应为整数")
    what, _underscore, how = kind.rpartition("_")
    if how not in ("type", "parsing", "attributes"):
        return ""
    named = {
        "int": _("应为整数"),
        "float": _("应为数字"),
        "bool": _("应为 true 或 false"),
        "string": _("应为文字（加引号）"),
        "time": _("应为时刻，如 09:00:00"),
        "path": _("应为路径"),
        "list": _('应为列表，如 ["…"]'),
        "dict": _("应为一节设置"),
        "model": _("应为一节设置"),
        "model_attributes": _("应为一节设置"),
    }
    return named.get(what, "")
