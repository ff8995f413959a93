"""`minsheng demo`: the whole line on this machine alone, and one story told over it."""

from __future__ import annotations

import asyncio
import importlib.util
import json as json_text
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import soundfile
import typer

from config.errors import Exit, Trouble
from config.language import _
from config.settings import Settings, default_var
from demo import story
from ivr import guard
from ivr.cli import show, stop
from ivr.cli.progress import Steps
from ivr.cli.run import guard_command
from ivr.prepare import Prepared, prepare

EXTRAS = {"phones": "baresip", "speech": "faster_whisper"}  # of pyproject.toml, by a module of each
READY_WITHIN = 60.0  # s; seconds on an idle machine


def demo(
    audio: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("市民说的话：libsndfile 能读的声音文件"))
    ] = None,
    operator: Annotated[Literal["answer", "none"], typer.Option(help=_("有没有人接"))] = "answer",
    answer: Annotated[
        Literal["solved", "unsolved", "silent", "unanswered"], typer.Option(help=_("回访时市民怎么答"))
    ] = "solved",
    keep: Annotated[bool, typer.Option("--keep", help=_("演完后不停止"))] = False,
    json: show.AsJson = False,
) -> None:
    if audio is not None:
        need_sound(audio)
    need_extras()
    heed_signals()
    console = show.aside() if json else show.console()
    with Steps(show.aside()) as steps:
        prepared = prepare(default_var() / "demo", "demo", steps.report)
    options = story.Options(audio=audio, operator=operator, answer=answer)
    with living(prepared, keep=keep):
        told = asyncio.run(story.tell(prepared.settings, options, console))
    if json:
        show.as_json(told.result)
    var = prepared.settings.var
    show.aside().print(_("这次演示的数据：MINSHENG_VAR={var} minsheng case list", var=var), soft_wrap=True)
    if keep:
        show.aside().print(_("系统还在运行：MINSHENG_VAR={var} minsheng stop 停止", var=var), soft_wrap=True)
    if not told.as_asked:
        raise Trouble(_("故事没有照选项结束：{why}", why=told.why), Exit.STORY)


def need_extras() -> None:
    """Raises `Trouble` naming the extras that a plain `pip install .` leaves out."""
    missing = [extra for extra, module in EXTRAS.items() if importlib.util.find_spec(module) is None]
    if missing:
        how = f"pip install '.[{','.join(missing)}]'"
        raise Trouble(
            _(
                "演示还缺少可选的部分 {missing}：请运行 {how}，或改用 ./minsheng demo",
                missing="、".join(missing),
                how=how,
            )
        )


def heed_signals() -> None:
    """A plain `kill`, or the terminal closing, ends the demo the way Ctrl-C does: nothing stays behind.

    A shell starts what it puts in the background with Ctrl-C ignored; then it would be lost on us too.
    """

    def as_ctrl_c(number: int, _frame: object) -> None:
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if (
            signal.getsignal(number) is not signal.SIG_IGN
        ):  # under nohup a closed terminal is to change nothing
            signal.signal(number, as_ctrl_c)


def need_sound(path: Path) -> None:
    """Raises `Trouble` for a file that is not there or holds no sound."""
    try:
        found = soundfile.info(str(path))
    except (OSError, RuntimeError):
        raise Trouble(_("读不了声音文件 {path}", path=path), Exit.USAGE) from None
    if found.frames == 0:
        raise Trouble(_("声音文件 {path} 是空的", path=path), Exit.USAGE)


@contextmanager
def living(prepared: Prepared, *, keep: bool) -> Iterator[None]:
    """The guard as a process beside us, the line ready; stopped at the end unless it is kept (or we failed)."""
    settings = prepared.settings
    with (settings.var / "log" / "guard.out").open("ab") as output:
        child = subprocess.Popen(
            guard_command(prepared),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            pass_fds=[prepared.lock],
            start_new_session=True,
        )
    stays = False
    try:
        os.close(prepared.lock)
        wait_ready(settings, child)
        yield
        stays = keep
    finally:
        if not stays and child.poll() is None:
            stop.end(child.pid, settings.run, now=True)
            child.wait()


def wait_ready(settings: Settings, child: subprocess.Popen[bytes]) -> None:
    """Until the line that lives now has said that it takes calls. Raises `Trouble`."""
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end and child.poll() is None:
        pid = guard.living(settings.run / "line.pid")
        if pid is not None and _said(settings.run / "line.json").get("pid") == pid:
            return
        time.sleep(0.05)
    raise Trouble(_("线路没有启动起来；日志在 {log}", log=settings.var / "log"))


def _said(path: Path) -> dict[str, Any]:
    try:
        said = json_text.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
