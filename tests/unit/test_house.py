"""The house keeps its own rules: imports, types, style, size, language, and no host or secret written down."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import pofile

ROOT = Path(__file__).resolve().parents[2]
OURS = (
    "config",
    "models",
    "telephony",
    "dialplan",
    "speech",
    "recordings",
    "cases",
    "callbacks",
    "ivr",
    "demo",
)
DIALOGUES = ("ivr", "telephony")

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="the house's rules are checked in the source tree"
)


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "_generated" not in path.parts and "__pycache__" not in path.parts:
                yield path


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tool(*command: str) -> None:
    program = shutil.which(command[0], path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip(f"{command[0]} is not installed: ./minsheng test installs it")
    done = subprocess.run(
        [program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_nobody_imports_upward() -> None:
    tool("lint-imports", "--no-cache")


def test_ruff_finds_nothing() -> None:
    tool("ruff", "check", "--no-cache", ".")


def test_every_file_is_formatted() -> None:
    tool("ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.timeout(600)
def test_types_hold() -> None:
    tool("mypy")


def test_packages_import_nothing() -> None:
    assert [
        short(path) for path in sources(*OURS) if path.name == "__init__.py" and path.stat().st_size
    ] == []


ANYTHING = (*OURS, "pydantic", "sqlalchemy", "structlog", "aiohttp", "typer", "rich", "numpy")
OF_THE_GUARD = {"ivr.heartbeat", "ivr.process"}


@pytest.mark.parametrize(
    ("module", "strangers"),
    [
        ("ivr.guard", ANYTHING),
        ("ivr.rescue", ANYTHING),
        ("ivr.line", ("speech", "demo", "faster_whisper", "ctranslate2", "onnxruntime", "vosk", "fastapi")),
        ("ivr.worker", ("fastapi", "demo")),
    ],
)
def test_a_process_does_not_load_what_it_must_not(module: str, strangers: tuple[str, ...]) -> None:
    """What really is in the process after the import, whatever the import graph says."""
    program = f"import sys, {module}; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True, cwd="/"
    )
    loaded = set(done.stdout.split()) - {"ivr", module, *OF_THE_GUARD}
    assert sorted(name for name in loaded if name.split(".")[0] in strangers) == []


def test_dialogues_know_no_cancellation_as_a_signal() -> None:
    """No `wait_for`, `timeout()`, `TaskGroup`: on 3.11 the first can swallow a cancellation (DESIGN 3)."""
    found = [
        f"{short(path)}:{node.lineno} {name}"
        for path in sources(*DIALOGUES)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in [getattr(node, "attr", None) or getattr(node, "id", None)]
        if name in ("wait_for", "TaskGroup", "timeout_at")
        or (name == "timeout" and ast.unparse(node).startswith("asyncio."))
    ]
    assert found == []


def test_every_sentence_has_its_english() -> None:
    with (ROOT / "config/locale/en/minsheng.po").open("rb") as file:
        known = {entry.id: entry.string for entry in pofile.read_po(file, locale="en") if entry.id}
    missing, wrong = [], []
    for path in sources(*OURS):
        for sentence in sentences(path):
            english = known.get(sentence)
            if not english:
                missing.append(f"{short(path)}: {sentence}")
            elif not isinstance(english, str) or parts(sentence) != parts(english):
                wrong.append(f"{short(path)}: {sentence}")
    assert (missing, wrong) == ([], [])


def sentences(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "_"
            and node.args
        ):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def parts(sentence: str) -> set[str]:
    """The {named} parts that are filled in."""
    return set(re.findall(r"\{(\w+)", sentence))


def test_no_registry_mirror_or_machine_is_named() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    hosts = r"pypi\.org|pythonhosted|debian\.org/debian|deb\.debian\.org|ubuntu\.com/ubuntu|npmjs|mirrors?\.[a-z]+\."
    names = rf"({hosts}|/work/(main|shared)|/root/)"
    found = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if name == short(Path(__file__)) or not path.is_file() or path.suffix in (".flac", ".png"):
            continue
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            if re.search(names, line):
                found.append(f"{name}:{number} {line.strip()[:80]}")
    assert found == []


def test_locks_hold_hashes_and_no_host() -> None:
    for name in ("run", "dev"):
        text = (ROOT / "locks" / f"{name}.txt").read_text("utf-8")
        assert "://" not in text
        for block in re.split(r"\n(?=\S)", text.strip()):
            assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_run_lock_holds_what_the_project_asks_for() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for name in ("speech", "phones", "launcher"):
        wanted += project["optional-dependencies"][name]
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "locks/run.txt").read_text("utf-8"), re.MULTILINE))
    assert {re.split(r"[\[<>=; ]", each)[0].lower() for each in wanted} <= locked
