"""The one thread in which all proxies of a process run."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_CALL_SECONDS = 60.0


class Loop:
    """An asyncio loop in a daemon thread, started on first use."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        """Errors of our own in this loop; whoever closes a proxy raises them."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop.set_exception_handler(self._failed)
                self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
                self._thread.start()
            return self._loop

    def call(self, work: Callable[..., T], *arguments: Any) -> T:
        """``work(*arguments)`` in the loop's thread; its result, or what it raised. Callable from anywhere."""
        loop = self.loop
        if threading.current_thread() is self._thread:
            return work(*arguments)
        future: concurrent.futures.Future[T] = concurrent.futures.Future()

        def run() -> None:
            try:
                future.set_result(work(*arguments))
            except BaseException as problem:  # noqa: BLE001 - raised again where it was asked for
                future.set_exception(problem)

        loop.call_soon_threadsafe(run)
        return future.result(_CALL_SECONDS)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # asyncio reports broken connections to us as errors of theirs do not get here: only bugs do.
        self.problems.append(f"{context.get('message')}: {context.get('exception')!r}")
        loop.default_exception_handler(context)


LOOP = Loop()
os.register_at_fork(after_in_child=LOOP.__init__)  # type: ignore[misc]
