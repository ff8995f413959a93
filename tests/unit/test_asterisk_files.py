"""What is read from apt, from the lock, from Asterisk's files; and the file of secrets."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from config.errors import Trouble
from telephony.asterisk import capability, lock, mirror, secrets
from telephony.asterisk.installation import Installation
from telephony.asterisk.modules import NEEDED

PRINTED = """\
'http://one.example/debian/dists/bookworm/InRelease' one.example_debian_dists_bookworm_InRelease 0
'http://one.example/debian-security/dists/bookworm-security/InRelease' x 0
'https://vendor.example/node_20.x/dists/nodistro/InRelease' x 0
'mirror+file:/etc/apt/mirrors/debian.list/dists/trixie/InRelease' x 0
'http://one.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' x 0
"""


def test_only_debians_own_archives_are_asked() -> None:
    assert mirror._roots(PRINTED) == ["http://one.example/debian", "mirror+file:/etc/apt/mirrors/debian.list"]


def test_the_reason_is_found_in_what_apt_prints() -> None:
    printed = (
        "Err:1 http://x/y.deb\n  404  Not Found [IP: 192.0.2.1]\nE: Failed to fetch it\nE: Download Failed\n"
    )
    assert mirror.last_complaint(printed) == "Failed to fetch it"
    assert mirror.last_complaint("Err:1 http://x\n  404  Not Found\n") == "404  Not Found"
    assert mirror.last_complaint("") == ""


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_the_lock_names_no_host_and_pins_by_content(architecture: str) -> None:
    text = lock.text(architecture)
    packages = lock.parse(text)
    assert "://" not in text
    assert {"asterisk", "asterisk-modules", "libc6"} <= {package.name.split("_")[0] for package in packages}
    assert all(len(package.sha256) == 64 and package.path.startswith("pool/main/") for package in packages)
    assert 15e6 < sum(package.size for package in packages) < 40e6


def test_an_architecture_without_a_lock_has_an_empty_one() -> None:
    assert lock.parse(lock.text("m68k")) == []


@pytest.mark.parametrize(
    ("said", "numbers"),
    [("Asterisk 22.10.1+dfsg", (22, 10, 1)), ("Asterisk certified/20.7-cert1", None), ("", None)],
)
def test_a_version_is_read(said: str, numbers: tuple[int, int, int] | None) -> None:
    assert capability.numbers(said) == numbers


def fit(folder: Path, version: str = "22.10.1") -> Installation:
    """Files as a fit Asterisk has them, as far as the check reads."""
    for name in ("modules", "share/rest-api", "share/documentation"):
        (folder / name).mkdir(parents=True)
    for name in NEEDED:
        (folder / "modules" / f"{name}.so").touch()
    paths = {
        "events": {"/events/claim": []},
        "channels": {
            "/channels/{channelId}/move": [],
            "/channels/{channelId}/transfer_progress": [],
            "/channels/externalMedia": ["transport_data", "connection_type"],
        },
        "bridges": {"/bridges/{bridgeId}/addChannel": ["absorbDTMF"]},
    }
    for name, apis in paths.items():
        described = [
            {"path": path, "operations": [{"parameters": [{"name": one} for one in parameters]}]}
            for path, parameters in apis.items()
        ]
        (folder / "share/rest-api" / f"{name}.json").write_text(json.dumps({"apis": described}))
    (folder / "share/documentation/core-en_US.xml").write_text(
        '<application name="MixMonitor"><option name="D"></option></application>'
    )
    return Installation(folder / "asterisk", folder / "modules", folder / "share", version)


def test_one_that_has_all_lacks_nothing(tmp_path: Path) -> None:
    assert capability.lacks(fit(tmp_path)) == []


@pytest.mark.parametrize("version", ["16.28.0", "22.7.9", "22.11.0", "23.1.0", "unknown"])
def test_versions_that_cannot_or_spin_are_refused(tmp_path: Path, version: str) -> None:
    assert capability.lacks(fit(tmp_path, version)) == [f"version {version}"]


def test_each_missing_part_is_named(tmp_path: Path) -> None:
    installation = fit(tmp_path)
    (tmp_path / "modules/app_stasis_broadcast.so").unlink()
    (tmp_path / "share/documentation/core-en_US.xml").write_text("")
    bridges = tmp_path / "share/rest-api/bridges.json"
    bridges.write_text(bridges.read_text().replace("absorbDTMF", "other"))
    assert capability.lacks(installation) == [
        "app_stasis_broadcast.so",
        "/bridges/{bridgeId}/addChannel absorbDTMF",
        "MixMonitor D",
    ]
    bridges.write_text("{")
    assert "rest-api/bridges.json" in capability.lacks(installation)


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "site" / "secrets.json"
    first = secrets.load(path, ["op1"])
    again = secrets.load(path, ["op1", "op2"])
    assert again.ari == first.ari and again.seats["op1"] == first.seats["op1"]
    assert len({first.ari, *again.seats.values()}) == 3
    assert secrets.load(path, []).seats == again.seats, "a seat that went keeps its secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.ari not in repr(first)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ari": 1, "seats": {}}'])
def test_damaged_secrets_are_one_sentence_and_stay(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(Trouble):
        secrets.load(path, ["op1"])
    assert path.read_text() == text


def test_secrets_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    secrets.load(path, ["op1"])
    path.chmod(0o644)
    with pytest.raises(Trouble):
        secrets.load(path, ["op1"])
