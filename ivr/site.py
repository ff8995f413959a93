"""A site's own folder: its first settings file, with the address at which telephones find us."""

from __future__ import annotations

import socket
from pathlib import Path

from config.errors import BadSettings, Trouble
from config.language import _
from config.settings import Profile, Settings
from speech.entries import ENTRIES

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


def check(settings: Settings) -> None:
    """What `config` cannot know: the models there are. Raises `BadSettings`."""
    name = settings.speech.model
    if name not in ENTRIES:
        known = _("、").join(ENTRIES)
        raise BadSettings(
            _("设置有误：speech.model: 没有叫 {name} 的模型；有：{known}", name=name, known=known)
        )


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
