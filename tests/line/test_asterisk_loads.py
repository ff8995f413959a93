"""The private Asterisk takes our configuration without a complaint."""

from __future__ import annotations

import re
import stat
from typing import Any


def test_nothing_is_complained_about_after_loading(asterisk: Any) -> None:
    assert "Asterisk" in asterisk.rx("core show version")
    assert not re.findall(r".*(?:WARNING|ERROR).*", asterisk.log())


def test_every_module_of_the_list_is_running(asterisk: Any) -> None:
    shown = asterisk.rx("module show")
    running = {line.split()[0] for line in shown.splitlines() if " Running " in line}
    assert {f"{name}.so" for name in asterisk.installation.load} <= running


def test_seats_and_trunk_and_strangers_are_known(asterisk: Any) -> None:
    shown = asterisk.rx("pjsip show endpoints")
    for name in ("anonymous", "citizen", "op1", "op2", "op3"):
        assert f"Endpoint:  {name} " in shown


def test_secrets_are_for_our_user_only(asterisk: Any) -> None:
    etc = asterisk.settings.var / "asterisk/etc"
    for path in (etc / "ari.conf", etc / "pjsip.conf", asterisk.settings.secrets):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(etc.parent.stat().st_mode) == 0o700
