"""A plain install: what `pytest` needs has a name, and its absence one sentence."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="the lists of packages lie in the source tree only"
)


def test_the_extra_for_tests_and_the_group_for_developers_name_the_same_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extra = set(project["project"]["optional-dependencies"]["test"]) - {"minsheng110[phones]"}
    assert extra == set(project["dependency-groups"]["dev"])


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("zh", "测试还缺少 .*请先运行 pip install '.\\[test\\]'"), ("en", "The tests need more .*pip install")],
)
def test_with_only_pytest_installed_one_line_names_the_command(language: str, sentence: str) -> None:
    # Here they are installed: hidden from the question whether they are.
    program = (
        "import importlib.util, sys; found = importlib.util.find_spec\n"
        "gone = {'hypothesis', 'looptime', 'pytest_asyncio', 'time_machine'}\n"
        "importlib.util.find_spec = lambda name, *more: None if name in gone else found(name, *more)\n"
        "import pytest; sys.exit(pytest.main(['tests/unit/test_settings.py', '-p', 'no:randomly']))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=ROOT,
        env={"MINSHENG_LANGUAGE": language, "PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert len(said) == 1 and re.match(sentence, said[0]), said
