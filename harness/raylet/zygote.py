"""The process that workers are forked from: slim, single-threaded, without gRPC.

A process that has imported gRPC has threads and locks that a fork breaks, and memory that a fork
drags along. So the host forks the zygote before it imports anything large, and asks it over a
socket pair, in JSON lines::

    {"spawn": 7, "address": "127.7.0.2", "worker_id": <bytes>}  ->  {"spawned": 7, "pid", "port"}
    {"kill": 4711, "signal": 9}                                 ->  (nothing)
                                                                <-  {"exited": 4711, "status": -9}

Nobody outlives the host: the zygote ends when its end of the pair reads EOF or the host dies,
and a worker is killed by the kernel when the zygote dies (``PR_SET_PDEATHSIG``).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import signal
import socket
from typing import Any

from harness.raylet import jsonline, worker

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def fork_zygote() -> tuple[int, socket.socket]:
    """Fork it; gives back its pid and the host's end of the pair. Call before importing gRPC."""
    ours, theirs = socket.socketpair()
    host = os.getpid()
    pid = os.fork()
    if pid:
        theirs.close()
        return pid, ours
    ours.close()
    _die_with(host)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        Zygote(theirs).serve()
    finally:
        os._exit(0)


class Zygote:
    """Spawns, kills and reaps; runs in the zygote process."""

    def __init__(self, pair: socket.socket) -> None:
        self._pair = pair
        self._children: set[int] = set()
        self._wake_read, self._wake_write = os.pipe()
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)

    def serve(self) -> None:
        """Obey the host until it is gone."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write)
        # What exists now is shared with every worker; the collector must not touch (and so copy) it.
        gc.collect()
        gc.freeze()
        unread = b""
        while True:
            waited: list[Any] = [self._pair, self._wake_read]
            ready, _, _ = select.select(waited, [], [])
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
                self._reap()
            if self._pair in ready:
                data = self._pair.recv(65536)
                if not data:
                    return
                *lines, unread = (unread + data).split(b"\n")
                for line in lines:
                    self._obey(jsonline.unpack(line))

    def _obey(self, order: dict[str, Any]) -> None:
        if "spawn" in order:
            self._spawn(order)
        elif order["kill"] in self._children:  # not yet reaped, so the pid is still our worker's
            with contextlib.suppress(ProcessLookupError):
                os.kill(order["kill"], order["signal"])

    def _spawn(self, order: dict[str, Any]) -> None:
        try:
            listener = socket.create_server((order["address"], 0))
        except OSError as error:
            self._tell({"spawned": order["spawn"], "error": str(error)})
            return
        port = listener.getsockname()[1]
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_worker(listener, zygote, order["worker_id"])
        listener.close()
        self._children.add(pid)
        self._tell({"spawned": order["spawn"], "pid": pid, "port": port})

    def _become_worker(self, listener: socket.socket, zygote: int, worker_id: bytes) -> None:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _die_with(zygote)
            self._pair.close()
            os.close(self._wake_read)
            os.close(self._wake_write)
            worker.run(listener, worker_id)
        finally:
            os._exit(1)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._children.discard(pid)
            self._tell({"exited": pid, "status": os.waitstatus_to_exitcode(status)})

    def _tell(self, news: dict[str, Any]) -> None:
        self._pair.sendall(jsonline.pack(news))


def _die_with(parent: int) -> None:
    """Have the kernel SIGKILL this process when its parent dies, even if that is SIGKILLed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel knew
        os._exit(0)
