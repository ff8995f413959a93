"""`minsheng case`: the cases, and every step of their life by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import steps
from cases.change import find
from cases.states import STATES, UNSETTLED
from config.city.model import City
from config.errors import NotFound
from config.language import _
from ivr.cli import show
from ivr.cli.office import Office, open_office
from ivr.cli.whole_case import describe
from models.cases import Case
from models.event import now
from models.store.bus import Bell, place
from models.store.retry import retrying
from models.words import CaseState, Ground

app = typer.Typer(no_args_is_help=True)

Number = Annotated[str, typer.Argument(metavar="NUMBER", help=_("工单编号"))]
By = Annotated[str | None, typer.Option("--by", metavar="WHO", help=_("由谁做；不写则为值班班长"))]
Unit = Annotated[str | None, typer.Option("--unit", metavar="UNIT", help=_("单位的编号或名称；不写则为主办"))]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help=_("说明"))]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help=_("理由"))]


@app.command("list", help=_("工单，新的在前"))
def listed(
    state: Annotated[CaseState | None, typer.Option(help=_("只看一种状态"))] = None,
    everything: Annotated[bool, typer.Option("--all", help=_("连已归档的"))] = False,
    welfare: Annotated[bool, typer.Option("--welfare", help=_("只看须由人立即回电的"))] = False,
    limit: Annotated[int, typer.Option(min=1, help=_("最多几条"))] = 50,
    json: show.AsJson = False,
) -> None:
    office = open_office()
    query = select(Case).order_by(Case.opened_at.desc(), Case.number.desc()).limit(limit)
    if state is not None:
        query = query.where(Case.state == state.value)
    elif not everything:
        query = query.where(Case.state.in_(UNSETTLED))
    if welfare:
        query = query.where(Case.welfare)
    with office.store.reading() as session:
        rows = session.scalars(query).all()
    if json:
        show.as_json({"cases": [show.columns(row) for row in rows]})
        return
    show.as_table(
        [_("工单"), _("状态"), _("立案"), _("诉求"), _("单位"), _("负责人"), _("时限"), _("要点")],
        ([*_row(office, row)] for row in rows),
        _("没有工单"),
    )


def _row(office: Office, row: Case) -> list[str]:
    flags = [_("督办")] * row.supervised + [_("须立即回电")] * row.welfare
    matter, unit = row.matter or row.suggested_matter, row.unit or row.suggested_unit
    guess = "" if row.unit else "?"
    return [
        row.number,
        STATES[CaseState(row.state)].label,
        show.local(row.opened_at, office.zone),
        office.city.matter(matter).name + ("" if row.matter else "?") if matter else "",
        office.city.unit(unit).name + guess if unit else "",
        row.owner,
        show.local(row.due_at, office.zone),
        " ".join(flags) or row.summary[:24],
    ]


@app.command("show", help=_("一件工单的全部经过"))
def shown(number: Number, json: show.AsJson = False) -> None:
    office = open_office()
    with office.store.reading() as session:
        row = find(session, number)
        whole = describe(session, row)
    if json:
        show.as_json(whole)
        return
    out = show.console()
    heads = (_("工单"), _("状态"), _("立案"), _("诉求"), _("单位"), _("负责人"), _("时限"), _("要点"))
    for head, value in zip(heads, _row(office, row), strict=True):
        out.print(f"{head}  {value}")
    for event in whole["history"]:
        words = " ".join(f"{name}={value}" for name, value in event["body"].items())
        out.print(f"{show.local(event['at'], office.zone)}  {event['kind']}  {words}", style="dim")


def take(number: str, json: bool, by: str | None, step: Callable[[Session, City, str, Any], Case]) -> None:
    """One step as one transaction; `step` gets the session, the city, who acts and the time."""
    office = open_office()
    who = by or office.city.supervisor.id
    case = retrying(office.store, lambda session: step(session, office.city, who, now()))
    Bell(place(office.settings.store_url, office.settings.run)).ring("cases", number)
    if json:
        show.as_json({"case": show.columns(case)})
    else:
        label = STATES[CaseState(case.state)].label
        show.console().print(_("工单 {number}：{state}", number=case.number, state=label))


@app.command(help=_("派给单位"))
def assign(
    number: Number,
    unit: Unit = None,
    matter: Annotated[str | None, typer.Option(metavar="MATTER", help=_("诉求的编号或名称"))] = None,
    co: Annotated[list[str] | None, typer.Option("--co", metavar="UNIT", help=_("协办单位，可多次"))] = None,
    by: By = None,
    json: show.AsJson = False,
) -> None:
    def step(session: Session, city: City, who: str, at: Any) -> Case:
        lead = unit or find(session, number).suggested_unit
        if not lead:
            raise NotFound(_("没有推荐的单位，请用 --unit 写明"))
        others = tuple(co or ())
        return steps.assign(session, city, number, unit=lead, matter=matter, co_units=others, by=who, now=at)

    take(number, json, by, step)


@app.command(help=_("单位受理"))
def accept(number: Number, unit: Unit = None, by: By = None, json: show.AsJson = False) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.accept(
            session, city, number, unit=unit, by=who, now=at
        )
    )  # fmt: skip


@app.command(help=_("单位办结"))
def resolve(
    number: Number,
    result: Annotated[str, typer.Option("--result", metavar="TEXT", help=_("办理结果"))] = "",
    unit: Unit = None,
    by: By = None,
    json: show.AsJson = False,
) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.resolve(
            session, city, number, result=result, unit=unit, by=who, now=at
        )
    )  # fmt: skip


@app.command("return", help=_("单位退回"))
def give_back(
    number: Number, reason: Reason = "", unit: Unit = None, by: By = None, json: show.AsJson = False
) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.return_(
            session, city, number, reason=reason, unit=unit, by=who, now=at
        )
    )  # fmt: skip


@app.command(help=_("延期（须班长同意）"))
def extend(
    number: Number,
    workdays: Annotated[int, typer.Option(help=_("几个工作日"))],
    reason: Reason = "",
    approved_by: Annotated[str | None, typer.Option(metavar="WHO", help=_("谁同意的"))] = None,
    by: By = None,
    json: show.AsJson = False,
) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.extend(
            session, city, number, workdays=workdays, reason=reason,
            approved_by=approved_by or city.supervisor.id, by=who, now=at,
        )
    )  # fmt: skip


@app.command(help=_("重新办理"))
def reopen(
    number: Number,
    reason: Reason = "",
    supervised: Annotated[bool, typer.Option("--supervised", help=_("并且督办"))] = False,
    by: By = None,
    json: show.AsJson = False,
) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.reopen(
            session, city, number, reason=reason, supervised=supervised, by=who, now=at
        )
    )  # fmt: skip


@app.command(help=_("归档；须有依据"))
def close(
    number: Number,
    ground: Annotated[Ground, typer.Option(help=_("归档的依据"))] = Ground.SUPERVISOR_REASON,
    note: Note = "",
    by: By = None,
    json: show.AsJson = False,
) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.close(
            session, city, number, ground=ground, note=note, by=who, now=at
        )
    )  # fmt: skip


@app.command("no-matter", help=_("打错、骚扰、无诉求：由人认定"))
def no_matter(number: Number, note: Note = "", by: By = None, json: show.AsJson = False) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.no_matter(
            session, city, number, note=note, by=who, now=at
        )
    )  # fmt: skip


@app.command(help=_("即办：在通话中就答复了"))
def answer(number: Number, note: Note = "", by: By = None, json: show.AsJson = False) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.answer(
            session, city, number, note=note, by=who, now=at
        )
    )  # fmt: skip


@app.command(help=_("市民确认已解决"))
def confirm(number: Number, note: Note = "", by: By = None, json: show.AsJson = False) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.confirm(
            session, city, number, note=note, by=who, now=at
        )
    )  # fmt: skip


@app.command(help=_("督办"))
def supervise(number: Number, reason: Reason = "", by: By = None, json: show.AsJson = False) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.supervise(
            session, city, number, reason=reason, by=who, now=at
        )
    )  # fmt: skip


@app.command(help=_("并入另一工单"))
def merge(
    number: Number,
    into: Annotated[str, typer.Option(metavar="NUMBER", help=_("并入哪一件"))],
    by: By = None,
    json: show.AsJson = False,
) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.merge(
            session, city, number, into=into, by=who, now=at
        )
    )  # fmt: skip


@app.command("hand-over", help=_("移交给另一位接警员（对方接手后生效）"))
def hand_over(
    number: Number,
    to: Annotated[str, typer.Option(metavar="WHO", help=_("移交给谁"))],
    by: By = None,
    json: show.AsJson = False,
) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.hand_over(
            session, city, number, to=to, by=who, now=at
        )
    )  # fmt: skip


@app.command(help=_("接手"))
def claim(number: Number, by: By = None, json: show.AsJson = False) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.claim(session, city, number, by=who, now=at)
    )  # fmt: skip


@app.command(help=_("记下由人给市民回了电（关怀回电）"))
def welfare(
    number: Number,
    reached: Annotated[bool, typer.Option("--reached/--not-reached", help=_("是否联系上"))],
    note: Note = "",
    by: By = None,
    json: show.AsJson = False,
) -> None:
    take(
        number, json, by, lambda session, city, who, at: steps.welfare_called(
            session, city, number, reached=reached, note=note, by=who, now=at
        )
    )  # fmt: skip
