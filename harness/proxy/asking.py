"""The pytest side of the connection to a host of proxies. Threads share it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

from harness.proxy.wire import KILL_SECONDS, Link, Message

PATIENCE_SECONDS = KILL_SECONDS + 10.0  # a request waits for the kill that is under way


class Line:
    """Requests and their replies; what the host says by itself goes to ``heard``, in the reader's thread.

    When the connection has ended, ``why_lost`` says why, and ``lost`` is called.
    """

    def __init__(
        self,
        name: str,
        link: Link,
        heard: Callable[[Message], None],
        why_lost: Callable[[], str],
        lost: Callable[[], None],
    ) -> None:
        self._name, self._link = name, link
        self._heard, self._why_lost, self._lost = heard, why_lost, lost
        self._numbers = itertools.count(1)
        self._asked: dict[int, Future[Message]] = {}
        self._lock = threading.Lock()
        self._why = ""
        """Why nobody is there any more; '' while somebody is."""
        self._here = threading.local()
        threading.Thread(target=self._read, name=f"{name}'s replies", daemon=True).start()

    def ask(self, op: str, fields: Message) -> Any:
        """The value of the reply; OSError or RuntimeError if it says no, RuntimeError if there is none."""
        number, answer = next(self._numbers), Future[Message]()
        with self._lock:
            self._check()
            self._asked[number] = answer
        kill = getattr(self._here, "kill", None)
        with suppress(OSError):  # the reader finds out why
            self._link.send({"id": number, "op": op, **({"kill": kill} if kill else {}), **fields})
        try:
            reply = answer.result(PATIENCE_SECONDS)
        except TimeoutError:
            raise RuntimeError(f"{self._name} does not answer {op!r} in {PATIENCE_SECONDS:g} s") from None
        if "error" in reply:
            raise OSError(reply["error"]) if reply["os"] else RuntimeError(reply["error"])
        return reply["value"]

    def say(self, message: Message) -> None:
        """Without a reply. OSError when nobody is there any more."""
        self._link.send(message)

    @contextmanager
    def inside(self, kill: int) -> Iterator[None]:
        """What this thread asks meanwhile is asked on behalf of the kill with that number."""
        self._here.kill = kill
        try:
            yield
        finally:
            self._here.kill = None

    def check(self) -> None:
        """RuntimeError when nobody is there any more."""
        with self._lock:
            self._check()

    def close(self) -> None:
        self._link.close()

    def _check(self) -> None:
        if self._why:
            raise RuntimeError(self._why)

    def _read(self) -> None:
        for message in self._link.messages():
            if "event" in message:
                self._heard(message)
                continue
            with self._lock:
                asked = self._asked.pop(message["id"], None)
            if asked is not None:
                asked.set_result(message)
        why = self._why_lost()
        with self._lock:
            self._why = why
            left = list(self._asked.values())
            self._asked.clear()
        for asked in left:
            asked.set_exception(RuntimeError(why))
        self._lost()
