"""A site's own folder: its first settings file, the address telephones find us at, and ports that must be free."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from config.errors import BadSettings, Trouble
from config.language import _
from config.settings import Profile, Settings

DEMO_CITIZEN = "127.0.0.2"  # the demo's carrier, and the telephone behind it
DEMO_CITIZEN_PORT = 25070

_RUN = """\
# 本站的设置，首次运行时写成，此后由您修改；改后用 `minsheng config check` 检查，重启生效。
# 全部设置见 docs/administrators.md。 / This site's settings; all of them are in docs/administrators.md.
profile = "run"

[sip]
bind = "{bind}"   # 话机和语音网关连接的本机地址 / the address telephones reach us at
# port = 5060

# 运营商中继：只有列出的地址打来的电话才算外线。 / The carrier, known by its address.
# [trunks.carrier]
# match = ["203.0.113.10"]
# contact = "sip:203.0.113.10:5060"
"""

_DEMO = """\
# 演示的设置：只用本机回环地址。 / The demo stays on this machine.
profile = "demo"

[sip]
bind = "127.0.0.1"

[trunks.citizen]
match = ["{citizen}"]
contact = "sip:{citizen}:{port}"
"""


def first_settings(var: Path, profile: Profile) -> bool:
    """Writes `<var>/minsheng.toml` where there is none; whether it did. Raises `Trouble` when it cannot."""
    path = var / "minsheng.toml"
    if path.exists():
        return False
    if profile == "demo":
        text = _DEMO.format(citizen=DEMO_CITIZEN, port=DEMO_CITIZEN_PORT)
    else:
        text = _RUN.format(bind=lan_address())
    try:
        var.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(text, "utf-8")
        fresh.replace(path)
    except OSError as error:
        raise Trouble(_("目录 {var} 不能写：{why}", var=var, why=error.strerror)) from None
    return True


def lan_address() -> str:
    """The address this machine uses towards others; loopback when it has no network.

    Connecting a datagram socket sends nothing: it only asks the routing table. 192.0.2.1 is nobody's (RFC 5737).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address


def need_ports(settings: Settings) -> None:
    """Raises `Trouble` naming the port another program holds, `BadSettings` for an address we do not have."""
    sip = settings.sip
    _free(socket.SOCK_DGRAM, sip.bind, sip.port, "sip.port")
    _free(socket.SOCK_STREAM, sip.bind, sip.port, "sip.port")
    _free(socket.SOCK_STREAM, "127.0.0.1", settings.asterisk.http_port, "asterisk.http_port")


def _free(kind: socket.SocketKind, address: str, port: int, setting: str) -> None:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
        try:
            probe.bind((address, port))
        except OSError as error:
            where = {"address": address, "port": port, "setting": setting}
            if error.errno == errno.EADDRINUSE:
                sentence = _("端口 {address}:{port} 已被别的程序占用；请停掉它，或改设置 {setting}", **where)
                raise Trouble(sentence) from None
            if error.errno == errno.EADDRNOTAVAIL:
                raise BadSettings(
                    _("本机没有地址 {address}；请改设置 sip.bind（minsheng.toml）", **where)
                ) from None
            raise Trouble(
                _("端口 {address}:{port} 用不了：{why}", why=error.strerror, address=address, port=port)
            ) from None
