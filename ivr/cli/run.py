"""`minsheng run`: prepares, tells how to telephone, and becomes the guard."""

from __future__ import annotations

import os
import sys
from datetime import date
from typing import Annotated

import typer
from rich.panel import Panel
from rich.table import Table

from config.language import _
from config.settings import default_var
from ivr.cli import show
from ivr.cli.progress import Steps
from ivr.prepare import Prepared, prepare


def run(
    now: Annotated[bool, typer.Option("--now", help=_("停止时不等通话结束"))] = False,
) -> None:
    with Steps(show.aside()) as steps:
        prepared = prepare(default_var(), "run", steps.report, now=now)
    tell(prepared)
    become_guard(prepared)


def tell(prepared: Prepared) -> None:
    """How to telephone: the number, the server, and each softphone's account."""
    out = show.console()
    sip = prepared.settings.sip
    table = Table(_("账号"), _("密码"), _("工号"), _("姓名"), box=None, header_style="bold")
    for seat in prepared.seats:
        table.add_row(seat.id, prepared.accounts[seat.id], seat.number, seat.name)
    out.print()
    out.print(_("拨打  {numbers}", numbers=" / ".join(prepared.city.numbers.published)), style="bold")
    out.print(_("SIP 服务器  {address}:{port}（UDP 或 TCP）", address=sip.bind, port=sip.port))
    out.print(Panel(table, title=_("接警员的话机"), expand=False))
    if sip.bind == "127.0.0.1":
        out.print(_("只有本机的话机连得上；要让别的话机连上，请在 minsheng.toml 设置 sip.bind"))
    for sentence in prepared.city.warnings(date.today()):
        out.print(f"! {sentence}", style="yellow")
    out.print(_("正在启动；Ctrl-C 停止（先等通话结束）。日志在 {log}", log=prepared.settings.var / "log"))
    sys.stdout.flush()


def guard_command(prepared: Prepared) -> list[str]:
    return [sys.executable, "-P", "-m", "ivr.guard", str(prepared.plan), str(prepared.lock)]


def become_guard(prepared: Prepared) -> None:
    """Does not return: this process is the guard from here on, and loads nothing of ours."""
    os.set_inheritable(prepared.lock, True)
    os.chdir("/")
    os.execv(sys.executable, guard_command(prepared))
