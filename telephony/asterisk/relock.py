"""Make this architecture's lock anew: `python -m telephony.asterisk.relock`, a maintainer's step.

Takes the newest Asterisk of the coming releases, keeps only the packages of which a file is used, and checks
that what they build is fit. The lock is written beside this file.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from telephony.asterisk import build, mirror, slim, suite
from telephony.asterisk.installation import machine


def main() -> None:
    here = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apt, files = suite.newest(mirror.roots(), here.architecture, folder / "apt", lambda fraction: None)
        slim.unpack(files, folder / "root")
        home = folder / "home"
        taken = slim.build(folder / "root", home, home, here)
        version = build.fit(home).version
        used = {path.relative_to(folder / "root") for path in taken}
        used |= {path.resolve().relative_to((folder / "root").resolve()) for path in taken}
        kept = [file for file in files if _contents(file) & used]
        lines = [f"{package.sha256} {package.size} {package.path}" for package in suite.packages(apt, kept)]
    lines.insert(0, f"# Asterisk {version}: sha256, size, path below the archive's root")
    target = Path(__file__).with_name(f"{here.architecture}.lock")
    target.write_text("\n".join(lines) + "\n", "ascii")
    sys.stdout.write(f"{target}: {len(kept)}\n")


def _contents(package: Path) -> set[Path]:
    listed = subprocess.run(
        ["dpkg-deb", "--contents", str(package)], capture_output=True, text=True, check=True
    ).stdout
    return {
        Path(line.split(maxsplit=5)[5].split(" -> ")[0].removeprefix("./")) for line in listed.splitlines()
    }


if __name__ == "__main__":
    main()
