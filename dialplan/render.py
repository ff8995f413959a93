"""Asterisk's whole configuration, from templates and settings, below `<var>/asterisk`.

Each file is written whole and renamed; those that hold secrets can be read by our user only. What is rendered has
passed `dialplan.lint` first.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from config.errors import BadSettings, Trouble
from config.language import _
from config.settings import Settings
from dialplan import lint, music

ARI_USER = "minsheng"
CHANNEL_VARIABLES = ("MS_REC", "MS_REC_AT", "MS_ANS_AT", "MS_APP", "MS_CALL", "MS_STATE", "MS_DONE")
PAUSE = 2  # s, of music between two rounds of the fallback
ASK_AGAIN_MS = 300  # a line that lives claims within a few milliseconds
OVERFLOW_AFTER_ROUNDS = 3  # DESIGN 4.8: 45 s, three rounds of 15 s

# Asterisk says so in its log where a file is missing, though nothing of it is used.
EMPTY = ("acl", "ccss", "features", "pjproject", "stasis", "udptl", "websocket_client")
PLAIN: tuple[str, ...] = ("asterisk", "modules", "logger", "http", "ari", "rtp", "musiconhold", "indications")
PLAIN += ("cdr", "cel", "cel_custom", "chan_websocket", "manager")
SECRET = ("ari.conf", "pjsip.conf")
_PATH_OF_SOCKET = 107  # bytes a Unix socket's path may have (unix(7)), less the closing zero


@dataclass(frozen=True)
class Seat:
    """An operator's phone: its SIP user, and the secret it registers with."""

    name: str
    secret: str


@dataclass(frozen=True)
class Program:
    """The Asterisk that is to read this: its modules' folder and load order, and its own data folder."""

    modules: Path
    load: Sequence[str]
    data: Path


class _Template(string.Template):
    delimiter = "@"
    pattern = r"@\{(?:(?P<named>[a-z_]+)|(?P<braced>[a-z_]+)|(?P<escaped>@)|(?P<invalid>))\}"  # type: ignore[assignment]


def home(settings: Settings) -> Path:
    return settings.var / "asterisk"


def configuration(settings: Settings) -> Path:
    """The file to start Asterisk with (`-C`)."""
    return home(settings) / "etc" / "asterisk.conf"


def render(
    settings: Settings,
    program: Program,
    ari_password: str,
    seats: Sequence[Seat],
    numbers: Sequence[str],
    overflow: Sequence[str],
    published: str,
) -> None:
    """Write everything. `numbers` are those citizens dial, `published` the one shown when we dial (it is a number
    of the line too), `overflow` telephone numbers of duty leaders, rung over the first trunk.

    Raises `BadSettings` where a name, number or address could not be written down, `Trouble` on a full or
    forbidden disk.
    """
    check(settings, seats, numbers, overflow, published)
    files = _files(settings, program, ari_password, seats, numbers, overflow, published)
    faults = lint.faults(files["extensions.conf"], files["pjsip.conf"])
    if faults:
        raise BadSettings(_("拨号方案不合规矩：{faults}", faults="；".join(faults)))
    try:
        _folders(settings, program)
        for name, text in files.items():
            _write(home(settings) / "etc" / name, text, 0o600 if name in SECRET else 0o640)
    except OSError as error:
        raise Trouble(
            _("电话交换的配置写不进 {path}：{why}", path=home(settings), why=error.strerror)
        ) from None


def check(
    settings: Settings, seats: Sequence[Seat], numbers: Sequence[str], overflow: Sequence[str], published: str
) -> None:
    """Nothing may carry a character that means something to Asterisk; raises `BadSettings`."""
    names = [*settings.trunks, *(seat.name for seat in seats)]
    for name in names:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name) or name.startswith(("ms-", "transport-")):
            raise BadSettings(_("坐席和中继的名称只能用小写字母、数字和 - _：{name}", name=name))
    for name in {"anonymous", "global", "system"} & set(names) | {
        name for name in names if names.count(name) > 1
    }:
        raise BadSettings(_("坐席和中继的名称重复或已被占用：{name}", name=name))
    for number in [*numbers, *overflow, published]:
        if not re.fullmatch(r"\+?[0-9]{1,20}", number):
            raise BadSettings(_("电话号码只能是数字：{number}", number=number))
    for trunk in settings.trunks.values():
        for text in [*trunk.match, trunk.contact]:
            if not re.fullmatch(r"[A-Za-z0-9:/._@=+\[\]-]+", text):
                raise BadSettings(_("中继的地址写得不对：{text}", text=text))
    socket = home(settings) / "run" / "asterisk.ctl"
    if len(str(socket).encode()) > _PATH_OF_SOCKET:
        raise BadSettings(_("数据目录的路径太长，请换一个短些的：{path}", path=settings.var))


def _files(
    settings: Settings,
    program: Program,
    ari_password: str,
    seats: Sequence[Seat],
    numbers: Sequence[str],
    overflow: Sequence[str],
    published: str,
) -> dict[str, str]:
    anywhere = settings.sip.bind in ("0.0.0.0", "[::]")
    values: dict[str, object] = {
        "home": home(settings),
        "modules": program.modules,
        "node": settings.node,
        "raw": settings.raw,
        "sounds": settings.sounds,
        "music": home(settings) / "music",
        "bind": settings.sip.bind,
        "port": settings.sip.port,
        "rtp_first": settings.sip.rtp_first,
        "rtp_last": settings.sip.rtp_last,
        "media": "" if anywhere else f"media_address={settings.sip.bind}\nbind_rtp_to_media_address=yes",
        "http_port": settings.asterisk.http_port,
        "sessions": sessions(settings, len(seats)),
        "user": ARI_USER,
        "password": ari_password,
        "channelvars": ",".join(CHANNEL_VARIABLES),
        "published": published,
        "claim_within_ms": settings.line.claim_within_ms,
        "ask_again_ms": min(settings.line.claim_within_ms, ASK_AGAIN_MS),
        "rings": settings.line.fallback_rings,
        "overflow_after": OVERFLOW_AFTER_ROUNDS * settings.line.fallback_rings,
        "pause": PAUSE,
        "load": "\n".join(f"load={name}.so" for name in program.load),
        "codecs": "alaw,ulaw,opus" if "codec_opus_open_source" in program.load else "alaw,ulaw",
    }
    ours = list(dict.fromkeys([*numbers, published]))
    values["citizens"] = "\n".join(_fill("extensions-citizen.conf", values, number=number) for number in ours)
    values["operators"] = "".join(_fill("extensions-operator.conf", values, number=number) for number in ours)
    parts = {
        "trunks": "".join(
            _fill(
                "pjsip-trunk.conf",
                values,
                name=name,
                contact=trunk.contact,
                matches="\n".join(f"match={match}" for match in trunk.match),
            )
            for name, trunk in settings.trunks.items()
        ),
        "seats": "".join(
            _fill("pjsip-seat.conf", values, name=seat.name, secret=seat.secret) for seat in seats
        ),
    }
    trunk = next(iter(settings.trunks), None)
    globals_ = {
        "seats": ",".join(seat.name for seat in seats),
        "overflow": "&".join(f"PJSIP/{number}@{trunk}" for number in overflow) if trunk else "",
    }
    files = {"extensions.conf": _fill("extensions.conf", values, **globals_)}
    files["pjsip.conf"] = _fill("pjsip.conf", values, **parts)
    for name in PLAIN:
        files[f"{name}.conf"] = _fill(f"{name}.conf", values)
    return files | {f"{name}.conf": "" for name in EMPTY}


def sessions(settings: Settings, seats: int) -> int:
    """HTTP sessions Asterisk may hold: four to a call (snoops and media sockets), as many calls as have RTP ports."""
    calls = (settings.sip.rtp_last - settings.sip.rtp_first + 1) // 2
    return 4 * calls + seats + 50


def _fill(template: str, values: Mapping[str, object], /, **more: object) -> str:
    source = resources.files("dialplan") / "templates" / template
    return _Template(source.read_text("utf-8")).substitute(values, **more)


def _folders(settings: Settings, program: Program) -> None:
    top = home(settings)
    below = ["etc", "lib", "cache", "db", "keys/keys", "agi", "spool/recording", "run", "music"]
    below += ["log/cdr-csv", "log/cel-custom", "data/sounds/en", "data/static-http"]
    for folder in [*(top / name for name in below), settings.raw, settings.sounds]:
        folder.mkdir(parents=True, exist_ok=True)
    top.chmod(0o700)
    settings.raw.chmod(0o700)
    for name in ("documentation", "rest-api"):
        link = top / "data" / name
        if not link.is_symlink() or link.readlink() != program.data / name:
            link.unlink(missing_ok=True)
            link.symlink_to(program.data / name)
    music.write(top / "music" / "music.wav")


def _write(path: Path, text: str, mode: int) -> None:
    half = path.with_name(f".{path.name}.half")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    half.replace(path)
