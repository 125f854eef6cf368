"""What this process starts beside children of a cluster must not outlive it either, however it ends."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import BinaryIO

from harness.process.guard import GUARD

ORPHANED = 1
"""The exit status of a worker whose parent is gone."""


def end_with_parent() -> None:
    """To be called first in a worker of :mod:`multiprocessing`: it ends at once when its parent is dead.

    A worker of a pool would wait for its next task for ever: it holds both ends of the queue. What it started
    itself is ended by its guardian.
    """
    parent = parent_process()
    if parent is None:
        raise RuntimeError("this is no worker of multiprocessing")
    watcher = threading.Thread(target=_end_after, args=(parent.sentinel,), name="orphan-watch", daemon=True)
    watcher.start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(ORPHANED)


def run_to_end(command: Sequence[str], output: BinaryIO) -> int:
    """Run ``command`` in our own session, all that it says going to ``output``; its exit status.

    Our guardian ends it when we are gone.
    """
    GUARD.ready()
    process = subprocess.Popen(
        list(command),
        env={**os.environ, **GUARD.environment()},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )
    GUARD.add(process.pid)
    status = process.wait()
    GUARD.discard(process.pid)
    return status
