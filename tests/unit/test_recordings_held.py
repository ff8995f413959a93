"""Which files are in somebody's hands: none is missed because another one was closed at that moment."""

from __future__ import annotations

import os
from pathlib import Path

from recordings.held import open_files


def test_a_handle_closed_meanwhile_hides_no_other(tmp_path: Path) -> None:
    path = (tmp_path / "n1-1.raw").resolve()
    lower = os.open(os.devnull, os.O_RDONLY)
    with path.open("wb"):
        os.close(lower)  # the look itself takes this number, and has given it back when it is read
        assert path in open_files()
    assert path not in open_files()
