"""Make the locks anew: `python -m telephony.asterisk.relock`, a maintainer's step.

For each architecture: takes the newest Asterisk of the coming releases and keeps only the packages of which a file
is used. What they build is tried on the machine it is for (`obtain`). The locks are written beside this file.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from telephony.asterisk import mirror, slim, suite
from telephony.asterisk.installation import MACHINES, Machine


def main() -> None:
    for machine in MACHINES.values():
        with tempfile.TemporaryDirectory() as name:
            lines = _lock(machine, Path(name))
        target = Path(__file__).with_name(f"{machine.architecture}.lock")
        target.write_text("\n".join(lines) + "\n", "ascii")
        sys.stdout.write(f"{target}: {len(lines) - 1}\n")


def _lock(machine: Machine, folder: Path) -> list[str]:
    apt, files = suite.newest(mirror.roots(), machine.architecture, folder / "apt", lambda fraction: None)
    root = (folder / "root").resolve()
    slim.unpack(files, root)
    taken = slim.build(root, folder / "home", folder / "home", machine)
    used = {path.relative_to(root) for path in taken} | {path.resolve().relative_to(root) for path in taken}
    kept = suite.packages(apt, [file for file in files if _contents(file) & used])
    version = re.search(r"/asterisk_([\d.]+)", "".join(package.path for package in kept))
    lines = [f"{package.sha256} {package.size} {package.path}" for package in kept]
    return [
        f"# Asterisk {version[1] if version else '?'}: sha256, size, path below the archive's root",
        *lines,
    ]


def _contents(package: Path) -> set[Path]:
    listed = subprocess.run(
        ["dpkg-deb", "--contents", str(package)], capture_output=True, text=True, check=True
    ).stdout
    return {
        Path(line.split(maxsplit=5)[5].split(" -> ")[0].removeprefix("./")) for line in listed.splitlines()
    }


if __name__ == "__main__":
    main()
