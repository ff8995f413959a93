"""Settings that mean nothing: each is refused in one sentence that names it, wherever settings are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.errors import BadSettings, Exit
from config.settings import load
from ivr.cli.main import status_of


@pytest.fixture(autouse=True)
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in list(os.environ):
        if name.startswith("MINSHENG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MINSHENG_LANGUAGE", "zh")
    monkeypatch.setenv("MINSHENG_VAR", str(tmp_path))
    monkeypatch.setenv("MINSHENG_CACHE", str(tmp_path / "cache"))
    return tmp_path


WRONG = [
    ("MINSHENG_STORE__URL", "nonsense", "store.url: 数据库地址看不懂"),
    ("MINSHENG_STORE__URL", "mysql://host/name", "store.url: 数据库地址看不懂"),
    ("MINSHENG_TRUNKS", "{bad", "环境变量 MINSHENG_TRUNKS 写得不完整"),
    ("MINSHENG_TRUNKS", '{"a": {"match": []}}', "trunks.a.match: 至少要有 1 项；trunks.a.contact: 缺少这一项"),
    ("MINSHENG_TIMEZONE", "Mars/Phobos", "timezone: 没有叫“Mars/Phobos”的时区"),
    ("MINSHENG_TIMEZONE", "../../etc/passwd", "timezone: 没有叫"),
    ("MINSHENG_CALLBACK__CLOSES", "08:00", "closes（08:00:00）要晚于 opens（09:00:00）"),
    ("MINSHENG_CALLBACK__OPENS", "soon", "callback.opens: 应为时刻"),
    ("MINSHENG_SIP__RTP_FIRST", "30000", "sip: rtp_last 要比 rtp_first 大"),
    ("MINSHENG_SIP__RTP_LAST", "20001", "sip: rtp_last 要比 rtp_first 大"),
    ("MINSHENG_SIP__RTP_LAST", "20015", "RTP 端口只够 8 个通道"),
    ("MINSHENG_SIP__BIND", "a b", "sip.bind: “a b”不是 IP 地址，也不是主机名"),
    ("MINSHENG_SIP__BIND", "192.168.1.300", "不是 IP 地址"),
    ("MINSHENG_SIP__PORT", "many", "sip.port: 应为整数"),
    ("MINSHENG_SIP__PORT", "80", "sip.port: 不能小于 1024"),
    ("MINSHENG_SIP__PORT", "70000", "sip.port: 不能大于 65535"),
    ("MINSHENG_SIP", "3", "sip: 应为一节设置"),
    ("MINSHENG_LINE__ANSWER_WITHIN", "-1", "line.answer_within: 要大于 0"),
    ("MINSHENG_PROFILE", "fast", "profile: 只能是 'run' / 'demo'"),
    ("MINSHENG_NODE", "N 1", "node: 写法不对"),
    ("MINSHENG_SPEECH__MODEL", "whisper-enormous", "speech.model: 没有叫 whisper-enormous 的模型；有：whisper-base"),
    ("MINSHENG_SIPPORT", "5070", "没有 MINSHENG_SIPPORT 这个环境变量"),
    ("MINSHENG_SIP__PROT", "5070", "sip.prot: 没有这一项设置"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG)
def test_config_check_names_a_value_that_means_nothing_and_nothing_starts_with_it(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    for command in (["config", "check"], ["run"]):
        assert status_of(command) == Exit.SETTINGS
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1 and sentence in lines[0]
        assert "pydantic" not in lines[0]


@pytest.mark.parametrize(("name", "value", "_sentence"), WRONG)
def test_what_is_wrong_is_said_in_english_to_who_reads_english(
    name: str, value: str, _sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINSHENG_LANGUAGE", "en")
    monkeypatch.setenv(name, value)
    assert status_of(["config", "check"]) == Exit.SETTINGS
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.isascii() or set(line) - set(map(chr, range(128))) <= set("“”…")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MINSHENG_STORE__URL", "postgresql+psycopg://line@db.example/minsheng"),
        ("MINSHENG_STORE__URL", "sqlite:////srv/minsheng.db"),
        ("MINSHENG_SIP__BIND", "pbx.shaowu.example"),
        ("MINSHENG_SIP__BIND", "fd00::1"),
        ("MINSHENG_COMMAND", "./minsheng"),
        ("MINSHENG_PYTHON", "python3"),
        ("MINSHENG_DATA", "/x"),
    ],
)
def test_what_means_something_is_let_through(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, site: Path
) -> None:
    monkeypatch.setenv(name, value)
    assert load(site).var == site


def test_a_wrong_variable_is_named_beside_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, site: Path
) -> None:
    monkeypatch.setenv("MINSHENG_COLOUR", "red")
    (site / "minsheng.toml").write_text("[sip]\nport = 1\n")
    with pytest.raises(BadSettings) as told:
        load(site)
    assert "MINSHENG_COLOUR" in str(told.value) and "sip.port" in str(told.value)


def test_a_store_address_that_only_the_database_understands_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINSHENG_STORE__URL", "postgresql://line@db:port/minsheng")
    assert status_of(["case", "list"]) == Exit.SETTINGS
    assert "数据库地址看不懂" in capsys.readouterr().err
