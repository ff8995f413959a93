"""`minsheng config`: what is set, and whether it is right."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import typer

from config.city import load as city
from config.language import _
from config.settings import Settings, load
from ivr import site
from ivr.cli import show

app = typer.Typer(no_args_is_help=True)


@app.command("show", help=_("显示生效的全部设置"))
def shown(json: show.AsJson = False) -> None:
    values = resolved(load())
    if json:
        show.as_json(values)
        return
    for line in _lines(values):
        print(line)


@app.command(help=_("检查设置文件和城市文件"))
def check(json: show.AsJson = False) -> None:
    settings = load()
    site.check(settings)
    town = city.load(settings.city, settings.var)
    warnings = town.warnings(date.today())
    if json:
        where = {"var": settings.var, "profile": settings.profile, "city": settings.city}
        show.as_json({"ok": True, **where, "warnings": warnings})
    else:
        counts = {"units": len(town.units), "matters": len(town.matters)}
        show.console().print(_("设置无误。城市文件：{units} 个单位，{matters} 类诉求。", **counts))
        for warning in warnings:
            show.console().print(f"! {warning}", style="yellow")


def resolved(settings: Settings) -> dict[str, Any]:
    """Every setting with its value; the store's password is masked."""
    values = settings.model_dump(mode="json")
    values["store"]["url"] = re.sub(r"(?<=://)([^:@/]*):[^@/]*@", r"\1:***@", settings.store_url)
    return values


def _lines(values: dict[str, Any], below: str = "") -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, dict) and value:
            lines += _lines(value, f"{below}{name}.")
        else:
            lines.append(f"{below}{name} = {value}")
    return lines
