"""When the lock is no longer honoured: the newest Asterisk of Debian's coming releases, by a private apt.

Nothing of the machine's own apt is touched. Signatures are checked with Debian's keyring, always; only the date
until which a release file wants to be believed is waived, loudly, where the archive has let it pass.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import structlog

from config.language import _
from telephony.asterisk.lock import Package
from telephony.asterisk.mirror import Gone, Unreachable, last_complaint, plain_environment, run_watched
from telephony.asterisk.trouble import NoAsterisk

log = structlog.get_logger()

SUITES = ("forky", "sid", "testing", "unstable")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_WHOLE = 80_000_000  # bytes, about what 160 packages weigh: only for the progress display


class PrivateApt:
    """apt with its own sources, state and cache below `folder`, for one suite of one archive."""

    def __init__(self, folder: Path, root: str, suite: str, architecture: str) -> None:
        self.folder = folder
        self.suite = suite
        if not KEYRING.exists():
            raise NoAsterisk(_("缺少 Debian 的签名钥匙 {path}，不能验证软件包", path=KEYRING))
        for name in (
            "etc/apt.conf.d",
            "etc/preferences.d",
            "state/lists/partial",
            "cache/archives/partial",
            "log",
        ):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "etc/sources.list").write_text(f"deb [signed-by={KEYRING}] {root} {suite} main\n")
        own = _CONFIGURATION.format(folder=folder, architecture=architecture)
        (folder / "apt.conf").write_text(own + proxies())

    def run(self, *arguments: str, watch: Callable[[], None] = lambda: None) -> str:
        environment = {**plain_environment(), "APT_CONFIG": str(self.folder / "apt.conf")}
        return run_watched(["apt-get", *arguments], environment, watch)

    def update(self) -> None:
        """Fetch the indexes; raises `Unreachable` or `Gone`."""
        said = self.run("update", "--error-on=any")
        if " is expired " in said:
            log.warning("asterisk_release_expired", why=last_complaint(said))
            said = self.run("-o", "Acquire::Check-Valid-Until=false", "update", "--error-on=any")
        if "\nE: " in f"\n{said}":
            raise (Gone if "404" in said or "does not have a Release file" in said else Unreachable)(
                last_complaint(said)
            )

    def fetch(self, report: Callable[[float], None]) -> list[Path]:
        """Asterisk with all it depends on; raises `Unreachable` or `Gone`."""
        archives = self.folder / "cache/archives"

        def watch() -> None:
            partial = list(archives.glob("*.deb")) + list((archives / "partial").glob("*.deb"))
            report(min(1.0, sum(file.stat().st_size for file in partial if file.exists()) / _WHOLE))

        said = self.run("-y", "--download-only", "install", "asterisk", watch=watch)
        found = sorted(archives.glob("*.deb"))
        if "\nE: " in f"\n{said}" or not found:
            raise (Gone if "Unable to locate" in said else Unreachable)(last_complaint(said))
        return found

    def paths(self) -> dict[str, str]:
        """File name in the cache to its path below the archive's root."""
        found = {}
        empty = self.folder / "empty"  # apt prints no address of a file that it already has
        (empty / "partial").mkdir(parents=True, exist_ok=True)
        printed = self.run("-o", f"Dir::Cache::archives={empty}", "-y", "--print-uris", "install", "asterisk")
        for line in printed.splitlines():
            if line.startswith("'") and "/pool/" in line:
                uri, name = line.split()[:2]
                found[name] = "pool/" + uri.strip("'").rpartition("/pool/")[2]
        return found


_CONFIGURATION = """\
Dir::Etc "{folder}/etc";
Dir::Etc::sourcelist "{folder}/etc/sources.list";
Dir::Etc::sourceparts "-";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Log "{folder}/log";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
"""


def proxies() -> str:
    """The machine's proxy settings for apt: a private apt does not inherit them."""
    dumped = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    return "".join(
        f"{line}\n" for line in dumped.splitlines() if re.match(r"Acquire::https?::(\S+::)?Proxy", line)
    )


def newest(
    roots: list[str], architecture: str, folder: Path, report: Callable[[float], None]
) -> tuple[PrivateApt, list[Path]]:
    """The first archive and suite that have an Asterisk, and its packages.

    Raises `NoAsterisk` when none does.
    """
    why = ""
    for root in roots:
        for suite in SUITES:
            shutil.rmtree(folder, ignore_errors=True)
            apt = PrivateApt(folder, root, suite, architecture)
            try:
                apt.update()
                return apt, apt.fetch(report)
            except Gone as error:
                why = str(error)
            except Unreachable as error:
                why = str(error)
                break  # the next suite of the same archive would not answer either
    raise NoAsterisk(_("软件源里找不到可用的 Asterisk：{why}", why=why))


def packages(apt: PrivateApt, files: list[Path]) -> list[Package]:
    """Lock lines of fetched packages."""
    paths = apt.paths()
    return [
        Package(hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size, paths[file.name])
        for file in files
    ]
