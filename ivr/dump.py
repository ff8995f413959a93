"""Where a process hangs, told by itself on request."""

from __future__ import annotations

import faulthandler
import signal


def dump_on_signal() -> None:
    """From now on SIGUSR1 writes the stack of every thread to stderr, which the guard keeps as the process's log.

    Also when no Python runs any more: the guard asks so before it kills a process that hangs. Names of functions and
    files only, nothing of a call.
    """
    faulthandler.register(signal.SIGUSR1)
