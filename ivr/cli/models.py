"""`minsheng model`: the speech models of this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from config.language import _
from config.settings import load
from ivr.cli import show
from ivr.cli.progress import Steps
from speech import models

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str | None, typer.Argument(metavar="NAME", help=_("模型名；不写则为设置里的那个"))]


@app.command("list", help=_("程序认识的模型，本机有哪些"))
def listed(json: show.AsJson = False) -> None:
    rows = models.listing(load().cache)
    if json:
        show.as_json({"models": [show.plain(row) for row in rows]})
        return
    words = {
        models.State.READY: _("就绪"),
        models.State.MISSING: _("没有"),
        models.State.DAMAGED: _("损坏"),
    }
    show.as_table(
        [_("模型"), _("种类"), _("大小"), _("许可"), _("状态"), _("来处")],
        (
            [
                row.name,
                row.what,
                f"{row.bytes / 1e6:.0f} MB",
                row.licence,
                words[row.state],
                _("自动下载") if row.fetchable else _("从目录装"),
            ]
            for row in rows
        ),
        "",
    )


@app.command(help=_("取来一个模型并校验"))
def fetch(
    name: Name = None,
    origin: Annotated[str, typer.Option("--from", metavar="PLACE", help=_("目录，或文件所在的网址"))] = "",
    json: show.AsJson = False,
) -> None:
    settings = load()
    wanted = name or settings.speech.model
    with Steps(show.aside()) as steps:
        path = models.fetch(wanted, settings.cache, steps.report(wanted), origin)
    _tell(wanted, str(path), json)


@app.command(help=_("校验一个模型的每个文件"))
def verify(name: Name = None, json: show.AsJson = False) -> None:
    settings = load()
    wanted = name or settings.speech.model
    _tell(wanted, str(models.verify(wanted, settings.cache)), json)


def _tell(name: str, path: str, json: bool) -> None:
    if json:
        show.as_json({"model": name, "path": path, "state": models.State.READY})
    else:
        show.console().print(_("模型 {name} 就绪：{path}", name=name, path=path))
