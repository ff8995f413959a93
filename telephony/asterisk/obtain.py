"""Where the line's Asterisk comes from: the first of these that is fit (telephony/asterisk/capability.py).

1. the one named in the settings, or one in PATH; 2. our cache; 3. the locked packages, from the archive this
machine's apt uses; 4. the newest in Debian's coming releases, after a self-test; 5. one clear sentence.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from config.errors import Trouble
from config.language import _
from telephony.asterisk import build, capability, lock, mirror, suite
from telephony.asterisk.installation import Installation, Machine, machine
from telephony.asterisk.modules import NEEDED, WELCOME
from telephony.asterisk.selftest import selftest_now
from telephony.asterisk.trouble import NoAsterisk

log = structlog.get_logger()

Report = Callable[[str, float], None]

LAYOUT = "2"  # of a built folder; raise it when slim.py or build.py lay things out differently


def obtain(cache: Path, program: Path | None, report: Report) -> Installation:
    """A fit Asterisk. `program` is the one the settings name (then no other will do); `report` gets a sentence
    and how far we are, 0..1. Raises `NoAsterisk`.
    """
    if program is not None:
        return _named(program)
    found = shutil.which("asterisk")
    if found is not None:
        try:
            return _named(Path(found))
        except NoAsterisk as error:
            log.info("asterisk_in_path_not_fit", why=str(error))
    here = machine()
    home = cache / "asterisk" / key(here)
    with _alone(cache):
        if build.whole(home):
            report(_("电话交换程序已在缓存中"), 1.0)
            return build.fit(home)
        if home.exists():
            log.warning("asterisk_cache_damaged", path=str(home))
        return _fetch(home, here, report)


def key(here: Machine) -> str:
    """Names the folder in the cache: another lock, module list or layout is another folder."""
    parts = [LAYOUT, here.architecture, lock.text(here.architecture), *NEEDED, *WELCOME]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _named(program: Path) -> Installation:
    if not program.is_file() or not os.access(program, os.X_OK):
        raise NoAsterisk(_("设置里的 Asterisk 不存在或不能运行：{program}", program=program))
    version = build.version(program)
    missing: list[str] = []
    for modules, data in _places(program):
        installation = Installation(program, modules, data, version)
        missing = capability.lacks(installation)
        if not missing:
            return installation
    raise NoAsterisk(
        _("{program} 不能用于民生110，缺少：{what}", program=program, what="、".join(missing) or "modules")
    )


def _places(program: Path) -> Iterator[tuple[Path, Path]]:
    """Where distributions put modules and data for a program in `…/sbin`; our own builds too."""
    prefix = program.resolve().parent.parent
    folders = [prefix / "modules", prefix / "lib/asterisk/modules", prefix / "lib64/asterisk/modules"]
    folders += sorted(prefix.glob("lib/*-linux-gnu/asterisk/modules"))
    shares = [prefix / "share", prefix / "share/asterisk", Path("/var/lib/asterisk")]
    for modules in filter(Path.is_dir, folders):
        for data in shares:
            if (data / "rest-api").is_dir():
                yield modules, data


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One builder at a time in a cache."""
    folder = cache / "asterisk"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("a")
    except OSError as error:
        raise NoAsterisk(_("缓存目录 {path} 不能写：{why}", path=folder, why=error.strerror)) from None
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch(home: Path, here: Machine, report: Report) -> Installation:
    roots = mirror.roots()
    if not roots:
        raise NoAsterisk(_("本机的 apt 软件源里没有 Debian 仓库，取不到电话交换程序"))
    try:
        with tempfile.TemporaryDirectory(prefix=".building-", dir=home.parent) as name:
            return _locked(roots, home, here, Path(name), report) or _newest(
                roots, home, here, Path(name), report
            )
    except OSError as error:
        raise NoAsterisk(
            _("电话交换程序写不进缓存 {path}：{why}", path=home.parent, why=error.strerror)
        ) from None


def _locked(roots: list[str], home: Path, here: Machine, work: Path, report: Report) -> Installation | None:
    """From the lock; None when no archive honours it any more."""
    packages = lock.parse(lock.text(here.architecture))
    if not packages:
        return None
    loading = _("下载电话交换程序 Asterisk")
    report(loading, 0.0)
    refusals: list[Exception] = []
    for root in roots:
        try:
            files = mirror.fetch(packages, root, work / "debs", lambda part: report(loading, 0.85 * part))
        except (mirror.Gone, mirror.Unreachable) as error:
            refusals.append(error)
            continue
        report(_("安装电话交换程序"), 0.87)
        installation = build.make(files, home, here, work)
        report(_("电话交换程序已就绪"), 1.0)
        return installation
    if not any(isinstance(error, mirror.Gone) for error in refusals):
        raise NoAsterisk(_("取不到电话交换程序（没有网络，缓存里也没有）：{why}", why=refusals[-1]))
    return None


def _newest(roots: list[str], home: Path, here: Machine, work: Path, report: Report) -> Installation:
    loading = _("下载 Debian 中最新的 Asterisk")
    report(loading, 0.0)
    apt, files = suite.newest(
        roots, here.architecture, work / "apt", lambda part: report(loading, 0.85 * part)
    )
    log.warning("asterisk_lock_no_longer_honoured", suite=apt.suite, architecture=here.architecture)
    report(_("安装电话交换程序"), 0.87)
    installation = build.make(files, home, here, work)
    report(_("检验电话交换程序"), 0.95)
    try:
        selftest_now(installation)
    except Trouble:
        shutil.rmtree(home)
        raise
    report(_("电话交换程序已就绪"), 1.0)
    return installation
