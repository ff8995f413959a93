"""`minsheng call`: the calls of this directory, and their sound."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from config.errors import Exit, NotFound, Trouble
from config.language import _
from ivr.cli import show
from ivr.cli.office import me, open_office
from models import labels
from models.calls import Call, Transcript
from models.store.log import events
from recordings import catalogue

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help=_("通话编号"))]

# Players that know FLAC, quiet, and gone when the sound is over.
PLAYERS = (
    ["ffplay", "-nodisp", "-autoexit", "-loglevel", "error"],
    ["play", "-q"],
    ["mpv", "--no-video", "--really-quiet"],
    ["pw-play"],
    ["paplay"],
)


@app.command("list", help=_("最近的通话"))
def listed(
    limit: Annotated[int, typer.Option(min=1, help=_("最多几条"))] = 50,
    case: Annotated[str | None, typer.Option(metavar="NUMBER", help=_("属于哪个工单"))] = None,
    json: show.AsJson = False,
) -> None:
    office = open_office()
    with office.store.reading() as session:
        rows = catalogue.calls(session, case=case, limit=limit)
        found = [show.columns(row) | {"recordings": len(row.recordings)} for row in rows]
    if json:
        show.as_json({"calls": found})
        return
    show.as_table(
        [_("通话"), _("开始"), _("方向"), _("号码"), _("结果"), _("秒"), _("接警员"), _("工单"), _("录音")],
        (
            [
                call["id"],
                show.local(call["started_at"], office.zone),
                _("呼入") if call["direction"] == "in" else _("呼出"),
                call["number"],
                labels.disposition(call["disposition"])
                if call["disposition"]
                else labels.stage(call["stage"]),
                call["seconds"] and f"{call['seconds']:.1f}",
                call["operator"],
                call["case_number"],
                call["recordings"],
            ]
            for call in found
        ),
        _("还没有通话"),
    )


@app.command("show", help=_("一次通话的全部：话机、录音、转写、经过"))
def shown(name: Id, json: show.AsJson = False) -> None:
    office = open_office()
    with office.store.reading() as session:
        row = catalogue.call(session, name)
        whole = describe(session, row)
    if json:
        show.as_json(whole)
        return
    out = show.console()
    call = whole["call"]
    ended = call["disposition"]
    result = labels.disposition(ended) if ended else labels.stage(call["stage"])
    out.print(_("通话 {id}：{number}，{result}", id=name, number=call["number"], result=result))
    for sound in whole["recordings"]:
        out.print(_("录音 {path}：{seconds:.1f} 秒", path=sound["path"], seconds=sound["seconds"]))
    for line in whole["transcript"]:
        who = _("市民") if line["channel"] == "citizen" else _("接警员")
        said = _("（请听录音）") if line["uncertain"] else line["text"]
        out.print(f"  {line['start']:6.1f}  {who}  {said}")
    for happened in whole["events"]:
        out.print(f"{show.local(happened['at'], office.zone)}  {happened['kind']}", style="dim")


def describe(session: Session, row: Call) -> dict[str, Any]:
    """A call with everything that hangs on it, as plain values."""
    reading = catalogue.transcript(session, row.id)
    return {
        "call": show.columns(row),
        "legs": [show.columns(leg) for leg in row.legs],
        "recordings": [show.columns(sound) for sound in catalogue.recordings(session, row.id)],
        "transcript_state": reading.state if reading else None,
        "transcript": words(reading),
        "events": [
            {"at": event.at, "kind": event.kind, "body": event.body}
            for event in events(session, f"call:{row.id}")
        ],
    }


def words(reading: Transcript | None) -> list[dict[str, Any]]:
    """The segments of a transcript; none before it is made."""
    if reading is None:
        return []
    kept = ("channel", "start", "end", "text", "uncertain")
    return [{name: getattr(segment, name) for name in kept} for segment in reading.segments]


@app.command(help=_("听一次通话的录音（留痕）"))
def play(
    name: Id,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help=_("不播放，存成 FLAC 文件"))
    ] = None,
    json: show.AsJson = False,
) -> None:
    office = open_office()
    with office.store.reading() as session:
        sounds = catalogue.recordings(session, catalogue.call(session, name).id)
    if not sounds:
        raise NotFound(_("通话 {id} 还没有封存的录音", id=name))
    path = catalogue.path_of(office.settings.sealed, sounds[0])
    # The trace stands before anybody has the sound, and not where nobody can get it.
    with _given_out(path, save) as place, office.store.transaction() as session:
        catalogue.replayed(session, me(), sounds[0], node=office.settings.node)
    path = place
    if json:
        show.as_json({"path": path, "seconds": sounds[0].seconds, "channels": sounds[0].channels})
    elif save is not None or not _played(path):
        show.console().print(str(path))


@contextmanager
def _given_out(sound: Path, save: Path | None) -> Iterator[Path]:
    """Where the sound is to be had: `save` gets its copy when the block went well. Raises `Trouble`."""
    if save is None:
        yield sound
        return
    if save.is_dir():
        raise Trouble(_("{path} 是目录，请写文件名", path=save), Exit.USAGE)
    fresh = save.with_name(f".{save.name}.{os.getpid()}")
    try:
        shutil.copyfile(sound, fresh)
        yield save
        fresh.replace(save)
    except OSError as error:
        raise Trouble(_("{path} 写不了：{why}", path=save, why=error.strerror)) from None
    finally:
        with suppress(OSError):
            fresh.unlink()


def _played(path: Path) -> bool:
    for player in PLAYERS:
        if shutil.which(player[0]):
            return subprocess.run([*player, str(path)], check=False).returncode == 0
    return False
