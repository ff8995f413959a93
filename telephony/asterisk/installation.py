"""An Asterisk that can be started: where its parts lie."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from config.language import _
from telephony.asterisk.modules import NEEDED, WELCOME
from telephony.asterisk.trouble import NoAsterisk


@dataclass(frozen=True)
class Installation:
    """`data` holds `documentation/` and `rest-api/`; `modules` the `.so` files; `version` reads `22.10.1`."""

    program: Path
    modules: Path
    data: Path
    version: str

    @property
    def load(self) -> tuple[str, ...]:
        """Module names in load order: all that are needed, and the welcome ones that exist."""
        return NEEDED + tuple(name for name in WELCOME if (self.modules / f"{name}.so").exists())


@dataclass(frozen=True)
class Machine:
    """What Debian calls this machine: architecture, library folder, dynamic loader."""

    architecture: str
    triplet: str
    loader: str


MACHINES = {
    "x86_64": Machine("amd64", "x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    "aarch64": Machine("arm64", "aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
}


def machine() -> Machine:
    """This machine; raises `NoAsterisk` where Debian builds no Asterisk that we know how to unpack."""
    found = MACHINES.get(platform.machine())
    if found is None:
        raise NoAsterisk(_("这种处理器（{kind}）上还不能自动装电话交换程序", kind=platform.machine()))
    return found
