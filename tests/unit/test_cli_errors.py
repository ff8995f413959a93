"""Bad input at the command line: one clear sentence, an exit status by class, no traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import pytest

from config.errors import Exit, Refused
from ivr import guard
from ivr.cli import main, settings
from ivr.cli.main import status_of


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    var = tmp_path / "var"
    monkeypatch.setenv("MINSHENG_VAR", str(var))
    monkeypatch.setenv("MINSHENG_LANGUAGE", "zh")
    monkeypatch.setenv("MINSHENG_CACHE", str(tmp_path / "cache"))
    return var


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert "Traceback" not in lines[0]
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["caes"], "没有“caes”这个命令"),
        (["run", "--fast"], "没有“--fast”这个选项"),
        (["case", "show"], "缺少“NUMBER”"),
        (["test", "everything"], "“layer”的值不对"),
        (["stop", "it"], "多了“it”"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(arguments) == Exit.USAGE
    assert sentence in told(capsys)


def test_english_is_spoken_where_lang_asks_for_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MINSHENG_LANGUAGE")
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    assert status_of(["stop"]) == Exit.NOT_FOUND
    assert told(capsys).startswith("Nothing runs on")


def test_looking_where_nothing_ran_yet_makes_no_store(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["case", "list"]) == Exit.NOT_FOUND
    assert "还没有数据" in told(capsys)
    assert not site.exists()


def test_hints_name_the_command_as_it_was_typed_and_the_demos_data(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINSHENG_COMMAND", "./minsheng")
    assert status_of(["case", "list"]) == Exit.NOT_FOUND
    assert "请先运行 ./minsheng run 或 ./minsheng demo" in told(capsys)
    (site / "demo" / "store").mkdir(parents=True)
    assert status_of(["case", "list"]) == Exit.NOT_FOUND
    assert f"MINSHENG_VAR={site}/demo ./minsheng case list" in told(capsys)
    assert status_of(["caes"]) == Exit.USAGE
    assert "./minsheng --help" in told(capsys)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[line]\nanswer_within = ", "写得不完整"),
        ("[line]\nanswer_wihtin = 3", "line.answer_wihtin: 没有这一项设置"),
        ("[sip]\nport = 80", "sip.port"),
        ("[trunks.carrier]\nmatch = []", "trunks.carrier"),
        (b"\xff\xfe", "写得不完整"),
    ],
)
def test_a_wrong_setting_is_named(
    text: str | bytes, sentence: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.mkdir()
    (site / "minsheng.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    for command in (["config", "check"], ["run"], ["case", "list"]):
        assert status_of(command) == Exit.SETTINGS
        assert sentence in told(capsys)


def test_a_city_that_does_not_exist_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINSHENG_CITY", "atlantis")
    assert status_of(["config", "check"]) == Exit.SETTINGS
    assert "atlantis" in told(capsys)


def test_a_second_instance_is_told_how_to_stop_the_first(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = guard.take_lock(site / "run")
    assert lock is not None
    for command in (["run"], ["run", "--now"]):
        assert status_of(command) == Exit.BUSY
        assert f"MINSHENG_VAR={site} minsheng stop" in told(capsys)


def test_a_directory_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no directory")
    monkeypatch.setenv("MINSHENG_VAR", str(tmp_path / "file" / "var"))
    assert status_of(["run"]) == Exit.MACHINE
    assert "不能写" in told(capsys)


def test_a_path_that_a_dialplan_could_misread_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINSHENG_VAR", str(tmp_path / "a b;c"))
    assert status_of(["config", "check"]) == Exit.SETTINGS
    assert "路径只能含字母" in told(capsys)


def test_the_demo_names_a_sound_file_it_cannot_read(
    tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rubbish.wav").write_bytes(b"RIFF rubbish")
    with wave.open(str(tmp_path / "empty.wav"), "wb") as empty:
        empty.setparams((1, 2, 8000, 0, "NONE", ""))
    for name in ("rubbish.wav", "empty.wav", "missing.wav"):
        assert status_of(["demo", "--audio", str(tmp_path / name)]) == Exit.USAGE
        assert name in told(capsys)
    assert not site.exists()


def test_an_unknown_model_is_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["model", "verify", "whisper-enormous"]) == Exit.NOT_FOUND
    assert "whisper-base" in told(capsys)


def test_a_missing_model_says_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["model", "verify"]) == Exit.MACHINE
    assert "minsheng model fetch" in told(capsys)


def test_an_unexpected_error_leaves_its_traceback_in_the_log_only(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(settings, "load", broken)
    assert status_of(["config", "show"]) == Exit.BUG
    assert "RuntimeError" in told(capsys)
    log = site / "log" / "minsheng-error.log"
    assert "a bug" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_each_class_of_trouble_has_its_own_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusing(*_arguments: Any) -> None:
        raise Refused("不行")

    monkeypatch.setattr(settings, "load", refusing)
    assert status_of(["config", "show"]) == Exit.REFUSED
    assert told(capsys) == "不行"


def test_the_program_runs_where_a_config_py_lies(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("raise SystemExit('the wrong config')")
    (tmp_path / "ivr.py").write_text("raise SystemExit('the wrong ivr')")
    program = "import sys; from ivr.cli.main import main; sys.argv = ['minsheng', 'config', 'show']; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "profile = run" in done.stdout


def test_without_the_network_the_first_run_says_so_and_a_later_one_may_go_on(
    site: Path, tmp_path: Path
) -> None:
    nowhere = "http://127.0.0.1:9"
    env = os.environ | {
        "PIP_INDEX_URL": f"{nowhere}/simple",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
    }
    env |= {"http_proxy": nowhere, "https_proxy": nowhere, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    program = "from ivr.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "run"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.MACHINE
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith(("取不到", "本机的 apt", "模型"))
    assert (site / "minsheng.toml").exists()
    assert guard.take_lock(site / "run") is not None  # nobody holds it any more


def test_a_port_in_use_is_named(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from config.settings import load
    from telephony.asterisk.process import check_ports
    from telephony.asterisk.trouble import AsteriskWontStart

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        monkeypatch.setenv("MINSHENG_SIP__PORT", str(port))
        with pytest.raises(AsteriskWontStart, match=str(port)):
            check_ports(load(site))


def test_every_command_is_reachable_and_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("demo", "run", "stop", "test", "call", "case", "callback", "operator", "model", "config"):
        assert status_of([command, "--help"]) == Exit.OK
        assert "--help" in capsys.readouterr().out
    assert main.app.info.help
