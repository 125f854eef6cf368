"""A worker process: tasks that advance by themselves, an actor that holds state. Runs in a fork.

It speaks JSON lines over TCP on its raylet's address; one request a line, one reply a line, in
order. A reply is ``{"ok": true, ...}`` or ``{"ok": false, "error": "..."}``.

========================================= =====================================================
request                                   reply
========================================= =====================================================
``{"op": "ping"}``                        ``pid, worker_id``
``{"op": "start_task", "name"}``          ``pid``; repeated: the same task goes on
``{"op": "task_value", "name"}``          ``value``: steps done so far, one each :data:`STEP_S`
``{"op": "finish_task", "name"}``         ``value`` and ``result``, the sum 1 + … + value
``{"op": "create_actor", "actor_id",      ``pid, incarnation, pushes``; a repeat for the same actor
"incarnation"}``                          is counted in ``pushes`` and changes nothing else
``{"op": "call", "method", "args"}``      ``pid, worker_id, actor_id, incarnation, pushes, value``
========================================= =====================================================

Actor methods: ``increment(by=1)``, ``value()``, ``put(key, value)``, ``get(key)``.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

from harness.raylet import jsonline

STEP_S = 0.005


class Worker:
    """The state of one worker process; time comes in from outside."""

    def __init__(self, worker_id: bytes) -> None:
        self.worker_id = worker_id
        self._values: dict[str, int] = {}
        self._sums: dict[str, int] = {}
        self._actor_id: bytes | None = None
        self._incarnation = 0
        self._pushes = 0
        self._counter = 0
        self._kept: dict[str, Any] = {}

    @property
    def busy(self) -> bool:
        """Does a task run? Only then does the process wake up by itself."""
        return bool(self._values)

    def step(self) -> None:
        """One step of every running task: count up, add to the sum."""
        for name in self._values:
            self._values[name] += 1
            self._sums[name] += self._values[name]

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to one request; errors of the asker are replies too."""
        known: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "ping": lambda _: {},
            "start_task": self._start_task,
            "task_value": lambda asked: {"value": self._values[asked["name"]]},
            "finish_task": self._finish_task,
            "create_actor": self._create_actor,
            "call": self._call,
        }
        try:
            reply = known[request["op"]](request)
        except (KeyError, TypeError, ValueError) as error:
            return {"ok": False, "error": f"{request.get('op')}: {error!r}"}
        return {"ok": True, "pid": os.getpid(), "worker_id": self.worker_id, **reply}

    def _start_task(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._values.setdefault(asked["name"], 0)
        self._sums.setdefault(asked["name"], 0)
        return {}

    def _finish_task(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"value": self._values.pop(asked["name"]), "result": self._sums.pop(asked["name"])}

    def _create_actor(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self._actor_id not in (None, asked["actor_id"]):
            raise ValueError(f"this worker already runs actor {self._actor_id!r}")
        if self._actor_id is None:
            self._actor_id, self._incarnation = asked["actor_id"], asked["incarnation"]
        self._pushes += 1
        return {"incarnation": self._incarnation, "pushes": self._pushes}

    def _call(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self._actor_id is None:
            raise ValueError("no actor was created here")
        arguments = asked.get("args") or {}
        value: Any
        if asked["method"] == "increment":
            self._counter += int(arguments.get("by", 1))
            value = self._counter
        elif asked["method"] == "value":
            value = self._counter
        elif asked["method"] == "put":
            value = self._kept[arguments["key"]] = arguments["value"]
        elif asked["method"] == "get":
            value = self._kept.get(arguments["key"])
        else:
            raise ValueError(f"no such actor method: {asked['method']}")
        return {
            "actor_id": self._actor_id,
            "incarnation": self._incarnation,
            "pushes": self._pushes,
            "value": value,
        }


def run(listener: socket.socket, worker_id: bytes) -> None:
    """Serve ``listener`` until killed. Sleeps without waking up while no task runs."""
    worker = Worker(worker_id)
    selector = selectors.DefaultSelector()
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    unread: dict[socket.socket, bytes] = {}
    due = time.monotonic()
    while True:
        ready = selector.select(max(0.0, due - time.monotonic()) if worker.busy else None)
        for key, _ in ready:
            if key.fileobj is listener:
                connection, _ = listener.accept()
                unread[connection] = b""
                selector.register(connection, selectors.EVENT_READ)
            else:
                _serve(key.fileobj, unread, selector, worker)  # type: ignore[arg-type]
        if worker.busy and time.monotonic() >= due:
            worker.step()
            due = time.monotonic() + STEP_S


def _serve(
    connection: socket.socket,
    unread: dict[socket.socket, bytes],
    selector: selectors.BaseSelector,
    worker: Worker,
) -> None:
    """Answer whole lines that came in on ``connection``; forget it at its end."""
    try:
        data = connection.recv(65536)
        *lines, unread[connection] = (unread[connection] + data).split(b"\n")
        for line in lines:
            connection.sendall(jsonline.pack(worker.answer(jsonline.unpack(line))))
    except (OSError, ValueError):
        data = b""
    if not data:
        selector.unregister(connection)
        unread.pop(connection)
        connection.close()
