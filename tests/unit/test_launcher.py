"""`./minsheng` makes its environment once, finds a damaged one, and says in one sentence what is missing.

A tiny project stands in for ours: an empty lock, and a build backend of its own, so that no network is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

BACKEND = """
import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("tiny.py", "import os, sys\\ndef main():\\n    print('tiny', *sys.argv[1:])\\n"
            "    print(os.environ['MINSHENG_COMMAND' if 'hint' in sys.argv else 'MINSHENG_VAR'])\\n")
        wheel.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n")
        wheel.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("tiny-1.dist-info/entry_points.txt", "[console_scripts]\\nminsheng = tiny:main\\n")
        wheel.writestr("tiny-1.dist-info/RECORD", "")
    return name
build_wheel = build_editable
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny"
version = "1"
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    if not (ROOT / "minsheng").exists():
        pytest.skip("the launcher lies in the source tree only")
    home = tmp_path / "house"
    (home / "locks").mkdir(parents=True)
    shutil.copy(ROOT / "minsheng", home)
    for name in ("run", "dev"):
        (home / "locks" / f"{name}.txt").write_text(f"# {name}\n")
    (home / "backend.py").write_text(BACKEND)
    (home / "pyproject.toml").write_text(PROJECT)
    return home


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MINSHENG_")}
    return kept | {"LC_ALL": "C", "PIP_NO_INDEX": "1", "PIP_RETRIES": "0"} | more


def start(house: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [house / "minsheng", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=house.parent,
        env=environment(**more),
    )


def run(house: Path, *arguments: str, **more: str) -> tuple[int, str, str]:
    started = start(house, *arguments, **more)
    out, err = started.communicate(timeout=100)
    return started.returncode, out, err


def test_the_environment_is_made_once_and_a_damaged_one_anew(house: Path) -> None:
    """One story, because each making takes seconds."""
    ready = house / ".venv" / "minsheng-ready"
    (house.parent / "tiny.py").write_text("raise SystemExit('from the folder one stands in')")

    # Half made: made again, by one of two that start at once.
    (house / ".venv" / "bin").mkdir(parents=True)
    (house / ".venv" / "bin" / "python").write_text("interrupted")
    both = [start(house, "first"), start(house, "second")]
    told = [each.communicate(timeout=100) for each in both]
    assert [each.returncode for each in both] == [0, 0], told
    expected = [["tiny first", str(house / "var")], ["tiny second", str(house / "var")]]
    assert [out.splitlines() for out, _err in told] == expected
    assert sum("首次运行" in err for _out, err in told) == 1

    # Whole: left alone.
    made = ready.stat().st_mtime_ns
    status, out, err = run(house, "call", "list", MINSHENG_VAR="/elsewhere")
    assert (status, out.splitlines(), err) == (0, ["tiny call list", "/elsewhere"], "")
    assert ready.stat().st_mtime_ns == made

    # Hints are to name the command as it was typed.
    typed = ["./minsheng", "hint"]
    hint = subprocess.run(typed, cwd=house, env=environment(), capture_output=True, text=True, check=True)
    assert hint.stdout.splitlines() == ["tiny hint", "./minsheng"]

    # Damaged, and no network to mend it from: a sentence, and nothing that looks ready.
    next((house / ".venv" / "lib").glob("*/site-packages/tiny.py")).write_text("half")
    (house / "locks" / "run.txt").write_text(f"nothing-of-ours==1.0 --hash=sha256:{'0' * 64}\n")
    status, out, err = run(house, "run")
    assert (status, out) == (6, "")
    assert err.splitlines()[-1].startswith("程序所需的 Python 包没有装成：请检查网络")
    assert not ready.exists()


def test_a_python_without_venv_names_the_package(house: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in (
        "bash",
        "readlink",
        "dirname",
        "flock",
        "sha256sum",
        "cut",
        "cat",
        "find",
        "sort",
        "comm",
        "rm",
    ):
        (tools / name).symlink_to(shutil.which(name) or name)
    poor = tools / "python3"
    poor.write_text('#!/bin/bash\n[ "$2" = "import ensurepip, venv" ] && exit 1\nexit 0\n')
    poor.chmod(0o755)
    status, _out, err = run(house, "run", PATH=str(tools), MINSHENG_PYTHON="python3")
    assert status == 6
    assert err.splitlines()[-1].endswith("apt install python3-venv")
    status, _out, err = run(house, "run", PATH=str(tools), MINSHENG_PYTHON="python2")
    assert status == 6
    assert "3.11" in err.splitlines()[-1]
