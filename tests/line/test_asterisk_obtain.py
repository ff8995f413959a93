"""Where the program comes from when something is in the way: the cache, damage, no network, a wrong program."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from config.errors import Exit
from config.settings import default_cache
from telephony.asterisk import build
from telephony.asterisk.installation import Installation, machine
from telephony.asterisk.obtain import key, obtain
from telephony.asterisk.selftest import selftest
from telephony.asterisk.trouble import NoAsterisk


def quiet(sentence: str, part: float) -> None:
    assert sentence and 0.0 <= part <= 1.0


@pytest.fixture
def ready() -> Installation:
    """The one all these tests use, in the cache already."""
    return obtain(default_cache(), None, quiet)


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """apt's proxy does not listen."""
    unreachable = tmp_path / "apt.conf"
    unreachable.write_text(
        'Acquire::http::Proxy "http://127.0.0.1:9";\nAcquire::https::Proxy "http://127.0.0.1:9";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(unreachable))


def test_with_the_cache_no_network_is_needed(ready: Installation, no_network: None) -> None:
    assert obtain(default_cache(), None, quiet) == ready


def test_no_network_and_no_cache_is_one_sentence(tmp_path: Path, no_network: None) -> None:
    with pytest.raises(NoAsterisk) as caught:
        obtain(tmp_path / "cache", None, quiet)
    assert caught.value.status == Exit.MACHINE
    assert "\n" not in str(caught.value)
    assert not [path for path in (tmp_path / "cache/asterisk").iterdir() if path.name != ".lock"], (
        "nothing half built"
    )


def damage_a_module(home: Path) -> None:
    module = home / "modules/app_mixmonitor.so"
    module.write_bytes(module.read_bytes()[:-1] + b"x")


def lose_a_library(home: Path) -> None:
    next((home / "lib").glob("libssl*")).unlink()


def blank_the_mark(home: Path) -> None:
    (home / "OK").write_text("")


@pytest.mark.parametrize("harm", [damage_a_module, lose_a_library, blank_the_mark])
def test_a_damaged_cache_is_noticed(ready: Installation, tmp_path: Path, harm: Any) -> None:
    home = tmp_path / "home"
    shutil.copytree(ready.program.parent.parent, home)
    assert build.whole(home)
    harm(home)
    assert not build.whole(home)


def test_a_damaged_cache_is_built_anew(ready: Installation, tmp_path: Path) -> None:
    home = tmp_path / "asterisk" / key(machine())
    home.mkdir(parents=True)
    (home / "OK").write_text("{}")
    mended = obtain(tmp_path, None, quiet)
    assert mended.program.is_relative_to(tmp_path)
    assert build.whole(home)
    assert build.version(mended.program) == ready.version


def test_the_named_program_is_taken_when_it_is_fit(ready: Installation, tmp_path: Path) -> None:
    named = obtain(tmp_path, ready.program, quiet)
    assert named.program == ready.program
    assert not list(tmp_path.iterdir()), "the cache is not touched"


@pytest.mark.parametrize("program", ["/nowhere/asterisk", "/bin/true", "/etc/passwd"])
def test_a_named_program_that_is_none_is_one_sentence(tmp_path: Path, program: str) -> None:
    with pytest.raises(NoAsterisk) as caught:
        obtain(tmp_path, Path(program), quiet)
    assert program in str(caught.value)


def test_an_old_asterisk_in_path_is_passed_over(
    ready: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "bin/asterisk"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho Asterisk 16.28.0\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:/usr/bin:/bin")
    assert obtain(default_cache(), None, quiet).program == ready.program


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "asterisk").write_text("in the way")
    with pytest.raises(NoAsterisk):
        obtain(tmp_path, None, quiet)


async def test_it_does_what_the_line_needs(ready: Installation) -> None:
    await selftest(ready)
