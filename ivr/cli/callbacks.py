"""`minsheng callback`: whom the line rings back, and whom a person must."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from callbacks import plan
from callbacks.policy import Why
from config.language import _
from ivr.cli import show
from ivr.cli.office import open_office
from models import kinds, labels
from models.cases import Callback
from models.event import now
from models.store.bus import Bell, place
from recordings.growth import live

app = typer.Typer(no_args_is_help=True)


@app.command("list", help=_("还没有办完的回访"))
def listed(
    everything: Annotated[bool, typer.Option("--all", help=_("连已办完的"))] = False,
    limit: Annotated[int, typer.Option(min=1, help=_("最多几条"))] = 50,
    json: show.AsJson = False,
) -> None:
    office = open_office()
    query = select(Callback).options(selectinload(Callback.attempts)).order_by(Callback.due_at).limit(limit)
    if not everything:
        query = query.where(Callback.state != "done")
    with office.store.reading() as session:
        rows = session.scalars(query).all()
    if json:
        found = [
            show.columns(row) | {"attempts": [show.columns(attempt) for attempt in row.attempts]}
            for row in rows
        ]
        show.as_json({"callbacks": found})
        return
    words = {"open": _("待回访"), "person": _("须由人回访"), "done": _("已完成")}
    show.as_table(
        [_("工单"), _("号码"), _("状态"), _("到期"), _("已试"), _("结果"), _("缘由")],
        (
            [
                row.case_number,
                row.phone,
                words[row.state],
                show.local(row.due_at, office.zone),
                str(len(row.attempts)),
                labels.outcome(row.disposition) if row.disposition else "",
                Why(row.why_person).label if row.why_person else "",
            ]
            for row in rows
        ),
        _("没有待办的回访"),
    )


@app.command(help=_("现在就安排已到期的回访（不必等下一次定时）"))
def run(json: show.AsJson = False) -> None:
    from ivr.worker import channels  # slow to load; the other commands do without

    office = open_office()
    settings = office.settings
    free = channels(settings) - len(live(settings.raw))
    happened = plan.tick(office.store, settings, office.city, now(), free_channels=free)
    leased = [event.stream.partition(":")[2] for event in happened if event.kind == kinds.ATTEMPT_LEASED]
    bell = Bell(place(settings.store_url, settings.run))
    for attempt in leased:
        bell.ring("orders", attempt)
    if json:
        show.as_json({"attempts": leased})
    else:
        show.console().print(_("已安排 {count} 个回访电话", count=len(leased)))
