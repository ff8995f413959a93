"""`minsheng`: the commands, and what becomes of their errors: one sentence, one exit status, no traceback."""

from __future__ import annotations

import os
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import typer
from typer.exceptions import TyperException

from config.errors import Exit, Trouble
from config.language import _, preferred
from config.settings import default_var
from ivr.cli import callbacks, calls, cases, demo, models, operators, run, settings, stop, tests

INTERRUPTED = 130  # as a shell reports a command ended by Ctrl-C

app = typer.Typer(
    name="minsheng",
    help=_("民生110：接听、录音、转写、立案、回访。"),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("demo", help=_("演一遍：真实电话打进来，录音、转写、派单、回访、办结。"))(demo.demo)
app.command("run", help=_("正式运行；Ctrl-C 停止。"))(run.run)
app.command("stop", help=_("停止本目录上运行的系统。"))(stop.stop)
app.command("test", help=_("运行测试：unit、store、line，不写则全部。"))(tests.tests)
app.add_typer(calls.app, name="call", help=_("通话：列表、详情、听录音。"))
app.add_typer(cases.app, name="case", help=_("工单：列表、详情、派单、接单、办结、重办、归档。"))
app.add_typer(callbacks.app, name="callback", help=_("回访：列表、立即到期。"))
app.add_typer(operators.app, name="operator", help=_("接警员及其话机账号。"))
app.add_typer(models.app, name="model", help=_("语音模型：列表、下载、校验。"))
app.add_typer(settings.app, name="config", help=_("设置：显示、检查。"))

# What the command line itself may be wrong about, in the user's language.
_USAGE = (
    (r"No such command '(?P<what>[^']*)'.*", "没有“{what}”这个命令"),
    (r"No such option: (?P<what>\S+).*", "没有“{what}”这个选项"),
    (r"Missing (?:argument|parameter|option).*?'?(?P<what>[\w\[\]-]+)'?\.?", "缺少“{what}”"),
    (r"Got unexpected extra argument.*\((?P<what>.*)\)", "多了“{what}”"),
    (r"Option '(?P<what>\S+)' requires an argument\.", "选项“{what}”后面要有值"),
    (r"Invalid value for '?(?P<what>[^':]+)'?: .*", "“{what}”的值不对"),
)


def main() -> None:
    """Entry of the console script."""
    sys.exit(status_of(sys.argv[1:]))


def status_of(arguments: list[str]) -> int:
    """Runs one command; its exit status. Errors become a sentence on stderr."""
    try:
        result = app(arguments, prog_name="minsheng", standalone_mode=False)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return int(trouble.status)
    except TyperException as error:
        return _misused(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that nothing complains at exit
        return int(Exit.OK)
    except Exception as error:
        return _bug(error)
    return result if isinstance(result, int) else int(Exit.OK)


def _misused(error: TyperException) -> int:
    message = error.format_message()
    if message.startswith("Usage:"):  # a group without its command: the help is the answer
        print(message, file=sys.stderr)
        return int(Exit.USAGE)
    if preferred() == "zh":
        for pattern, sentence in _USAGE:
            if found := re.fullmatch(pattern, message, re.DOTALL):
                message = sentence.format(what=found["what"])
                break
    if message:
        print(_("{what}。用法见：minsheng --help", what=message.rstrip(".")), file=sys.stderr)
    return int(Exit.USAGE)


def _bug(error: Exception) -> int:
    written = _("（日志也写不了）")
    for folder in (default_var() / "log", Path.home()):
        path = folder / "minsheng-error.log"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as log:
                log.write(f"{datetime.now(UTC).isoformat()} {' '.join(sys.argv)}\n")
                log.write("".join(traceback.format_exception(error)))
        except OSError:
            continue
        written = str(path)
        break
    sentence = _("程序出错（{kind}），详情在 {path}，请报告给维护者", kind=type(error).__name__, path=written)
    print(sentence, file=sys.stderr)
    return int(Exit.BUG)
