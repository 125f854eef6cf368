"""Seeing every process that comes from us, also when its parent is dead. For tests of the harness itself."""

from __future__ import annotations

import contextlib
import ctypes
import os

import psutil

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Descendants:
    """``with Descendants() as born:`` all that start below this process from now on are in ``born.living()``.

    The kernel gives us the orphans among them, so none slips away by a dead parent or a session of
    its own. Leaving the block kills and reaps what is left. Whoever starts a process directly waits
    for it before that.
    """

    def __enter__(self) -> Descendants:
        self._before = set(_below())
        _adopt_orphans(True)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.living():
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        _adopt_orphans(False)
        for one in set(psutil.Process().children()) - self._before:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(one.pid, 0)

    def living(self) -> list[psutil.Process]:
        """Those that run now; a zombie, which waits for nothing but us, does not."""
        return [one for one in _below() if one not in self._before and _lives(one)]


def _below() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _adopt_orphans(yes: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")
