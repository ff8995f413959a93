"""Nothing of a test outlives it: Asterisk has a session of its own, and would.

A small process waits for the end of the test's own process (its standard input closes then, also after SIGKILL), and
ends whatever still runs on the test's folder: by its command line or its working directory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

_WAIT = """\
import sys
sys.path.insert(0, sys.argv[2])
sys.stdin.read()
from reaper import reap
reap(sys.argv[1])
"""


class Reaper:
    """Watches over `folder`, which is the test's alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", _WAIT, str(folder), str(Path(__file__).parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def finish(self) -> None:
        """Everything that still runs on the folder ends now."""
        reap(str(self.folder))
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def reap(folder: str) -> None:
    for number in on_folder(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def on_folder(folder: str) -> list[int]:
    """Processes of this folder: started in it, or with a path below it among their arguments; not the watchers."""
    return [int(process.name) for process in Path("/proc").glob("[0-9]*") if _is_of(process, folder)]


def _is_of(process: Path, folder: str) -> bool:
    try:
        argv = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        place = str((process / "cwd").readlink())
    except OSError:
        return False  # gone, or not ours
    if int(process.name) == os.getpid() or _WAIT in argv:
        return False
    return place == folder or any(word.startswith(f"{folder}/") for word in argv)
