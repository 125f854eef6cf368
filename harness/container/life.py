"""One life of a container, from a start to the end of its first process."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError
from requests.exceptions import RequestException

from harness.container.engine import asking
from harness.errors import EnvironmentProblem
from harness.process.flood import FLOODS

_END_SECONDS = 30.0  # a busy engine takes its time to take a container down


class Life:
    """Made before the start, so that no output is missed; :meth:`begin` when the engine has started it.

    A thread appends the output to the log and then waits for the exit status: whoever reads the
    status finds the log complete. An engine that cannot bring the rest of the output within 2 s
    reports the end without it.
    """

    def __init__(self, client: docker.DockerClient, container: str, name: str, log_path: Path) -> None:
        self.log_path = log_path
        self.pid = 0
        self.flooded = False
        self.status: int | None = None
        self.ended = threading.Event()
        self._api = client.api
        self._container = container
        self._name = name
        self._output: Any = self._api.attach(container, stdout=True, stderr=True, stream=True)

    @property
    def alive(self) -> bool:
        return self.status is None

    def begin(self) -> None:
        """It has been started."""
        self.pid = self._api.inspect_container(self._container)["State"]["Pid"]
        threading.Thread(target=self._follow, name=f"life-of-{self._name}", daemon=True).start()
        FLOODS.watch(self)

    def abandon(self) -> None:
        """It could not be started."""
        self._hang_up()

    def kill(self, group: bool = False) -> None:
        """SIGKILL, paused or not; return when the engine has taken it down. EnvironmentProblem if it does not."""
        self.order("kill", self._api.kill, patience=_END_SECONDS)
        if not self.ended.wait(_END_SECONDS):
            raise EnvironmentProblem(
                f"the container engine was to kill {self._name}, and {_END_SECONDS:g} s later it still runs"
            )

    def order(self, what: str, ask: Callable[[str], object], patience: float = 1.0) -> None:
        """``ask`` the engine to do ``what`` to it; nothing happens when it has ended.

        A refusal counts (EnvironmentProblem) if it still runs ``patience`` seconds later.
        """
        if self.alive:
            with asking(f"{what} {self._name}"):
                try:
                    ask(self._container)
                except APIError:
                    if not self.ended.wait(patience):  # it may have ended before the order came
                        raise

    def _follow(self) -> None:
        with contextlib.suppress(OSError), self.log_path.open("ab", buffering=0) as log:
            for words in self._output:
                log.write(words)
        self._hang_up()
        self.status = self._exit_status()
        self.ended.set()

    def _hang_up(self) -> None:
        # The stream's own close() gives up at a socket which the engine has closed, and leaves it open here.
        with contextlib.suppress(OSError):
            self._output._response.close()

    def _exit_status(self) -> int:
        try:
            code: int = self._api.wait(self._container, timeout=None)["StatusCode"]
        except (APIError, RequestException):  # removed by force, or its engine is gone, and it with that
            return -signal.SIGKILL
        return 128 - code if 128 < code <= 192 else code
