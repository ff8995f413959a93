"""`minsheng operator`: who answers, and with which telephone account."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from config.errors import BadSettings
from config.language import _
from ivr import seats
from ivr.cli import show
from ivr.cli.office import Office, me, open_office
from ivr.prepare import configure
from models import labels
from models.store.retry import retrying
from models.words import Role
from telephony.asterisk import obtain, secrets

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help=_("话机账号，如 op4"))]


@app.command("list", help=_("接警员及其话机账号"))
def listed(
    passwords: Annotated[bool, typer.Option("--passwords", help=_("连话机密码"))] = False,
    json: show.AsJson = False,
) -> None:
    office = open_office()
    with office.store.reading() as session:
        rows = seats.active(session)
    kept = secrets.load(office.settings.secrets, [row.id for row in rows]).seats
    found = [show.plain(row) | ({"password": kept[row.id]} if passwords else {}) for row in rows]
    if json:
        show.as_json({"operators": found})
        return
    heads = [_("账号"), _("工号"), _("姓名"), _("角色")] + [_("密码")] * passwords
    show.as_table(
        heads, (list((row | {"role": labels.role(row["role"])}).values()) for row in found), _("还没有接警员")
    )


@app.command(help=_("添加接警员"))
def add(
    id: Id,
    name: Annotated[str, typer.Option(metavar="NAME", help=_("姓名"))],
    number: Annotated[str, typer.Option(metavar="NUMBER", help=_("工号，市民会听到"))],
    role: Annotated[Role, typer.Option(help=_("角色"))] = Role.OPERATOR,
    json: show.AsJson = False,
) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", id) or not re.fullmatch(r"[0-9]{1,8}", number):
        raise BadSettings(_("账号须以小写字母开头，只含小写字母、数字和 - _；工号只能是数字"))
    office = open_office()
    node = office.settings.node
    seat = retrying(
        office.store,
        lambda session: seats.add(session, id, number, name, role=role, node=node, by=me()),
    )
    password = _rendered(office)[id]
    if json:
        show.as_json({"operator": show.plain(seat) | {"password": password}})
    else:
        sentence = _(
            "已添加 {id}（工号 {number}），话机密码：{password}", id=id, number=number, password=password
        )
        show.console().print(sentence)


@app.command(help=_("移除接警员（不再振铃，所做的事仍留名）"))
def remove(id: Id, json: show.AsJson = False) -> None:
    office = open_office()
    node = office.settings.node
    retrying(office.store, lambda session: seats.remove(session, id, node=node, by=me()))
    _rendered(office)
    if json:
        show.as_json({"removed": id})
    else:
        show.console().print(_("已移除 {id}", id=id))


def _rendered(office: Office) -> dict[str, str]:
    """Asterisk learns of it at once, if it runs; the line looks by itself."""
    with office.store.reading() as session:
        rows = seats.active(session)
    program = office.settings.asterisk.program
    installation = obtain.obtain(office.settings.cache, program, lambda sentence, part: None)
    return configure(office.settings, office.city, installation, rows)
