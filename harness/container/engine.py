"""The container engine of this machine: one client per process, and the labels of all that it makes.

It is found by the usual settings of Testcontainers and Docker (``DOCKER_HOST``, the current context,
``~/.testcontainers.properties``). Only a local one will do: files are mounted by path, addresses routed.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING

from harness.container import owner
from harness.errors import EnvironmentProblem
from harness.process.guard import GUARD

if TYPE_CHECKING:
    import docker

_LOCAL = "http+docker://localhost"  # docker-py's name for every unix socket
_ANSWER_SECONDS = 5
"""In which an engine must say who it is; a daemon may take connections and be silent for ever."""
_WORK_SECONDS = 60
"""For each answer afterwards: it may have much to do."""


class Engine:
    """A client of the engine; threads may share it. Get it with :func:`engine`."""

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client
        self.run = os.environ.get("GAUNTLET_RUN_ID") or GUARD.token
        """The id of the run: the same in all its processes if the environment says so."""
        self._numbers = count(1)

    def labels(self) -> dict[str, str]:
        """What all that this process makes is labelled with."""
        return {owner.RUN: self.run, owner.OWNER: owner.me()}

    def name(self, role: str) -> str:
        """A name that nothing else has, for something that plays ``role``."""
        plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in role)
        return f"gauntlet-{self.run[:8]}-{os.getpid()}-{plain}-{next(self._numbers)}"

    def volume(self, role: str) -> str:
        """Make a named volume; its name."""
        with asking("make a volume"):
            made: str = self.client.api.create_volume(self.name(role), labels=self.labels())["Name"]
        return made

    def remove_volume(self, name: str) -> None:
        """Nothing happens when there is none. EnvironmentProblem while a container has it."""
        from docker.errors import NotFound

        with asking(f"remove the volume {name}"), suppress(NotFound):
            self.client.api.remove_volume(name, force=True)


_LOCK = threading.Lock()
_ENGINE: Engine | None = None


def engine() -> Engine:
    """The engine, for this process. EnvironmentProblem when none answers.

    On first use what dead runs left is removed, and said on standard error; at the exit of the process
    all that it made is removed.
    """
    global _ENGINE
    with _LOCK:
        if _ENGINE is None:
            _ENGINE = _opened()
        return _ENGINE


def reachable() -> str | None:
    """None when an engine answers; else why not, in one sentence."""
    if _ENGINE is None:
        try:
            _connected().close()
        except EnvironmentProblem as problem:
            return str(problem)
    return None


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Make EnvironmentProblem of the engine's refusal to do ``what``, with its own explanation."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    try:
        yield
    except APIError as refusal:
        raise EnvironmentProblem(f"the container engine does not {what}: {refusal.explanation}") from refusal
    except RequestException as silence:
        raise EnvironmentProblem(
            f"the container engine was to {what} and does not answer: {_cause(silence)}"
        ) from silence


def _opened() -> Engine:
    from harness.container import reaper
    from harness.container.ryuk import settle

    client = _connected()
    with asking("list what it has"):
        reaped = reaper.reap(client)
    if reaped:
        print(f"removed what a dead run left: {', '.join(sorted(reaped))}", file=sys.stderr)
    settle(client)
    return Engine(client)


def _connected() -> docker.DockerClient:
    """A client that has heard from the engine. EnvironmentProblem when it hears nothing within :data:`_ANSWER_SECONDS`."""
    try:
        from docker.errors import DockerException
        from testcontainers.core.docker_client import DockerClient, get_docker_host
    except ImportError as missing:
        raise EnvironmentProblem(
            f"containers need packages that are not installed: pip install 'gauntlet[docker]' ({missing})"
        ) from missing
    host = get_docker_host() or "unix:///var/run/docker.sock"
    if not host.startswith("unix://"):
        raise EnvironmentProblem(
            f"the container engine {host} is not on this machine: only one behind a unix socket will do"
        )
    try:
        client = DockerClient(timeout=_ANSWER_SECONDS).client
    except DockerException as silence:
        raise EnvironmentProblem(f"no container engine answers at {host}: {_cause(silence)}") from silence
    client.api.timeout = _WORK_SECONDS
    assert client.api.base_url == _LOCAL
    return client


def _cause(error: BaseException) -> str:
    """The system's own words, which lie deep in a chain of exceptions."""
    from requests.exceptions import Timeout

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Timeout):
            return "it takes connections and is silent"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        inner = [one for one in cause.args if isinstance(one, BaseException)]
        cause = cause.__cause__ or cause.__context__ or (inner[-1] if inner else None)
    return str(error)


def _leave() -> None:
    if _ENGINE is not None:
        from harness.container import reaper

        reaper.sweep(_ENGINE.client)


def _forget() -> None:
    """In a forked copy of us: the connections and what was made are its parent's."""
    global _ENGINE, _LOCK
    _ENGINE, _LOCK = None, threading.Lock()


atexit.register(_leave)
os.register_at_fork(after_in_child=_forget)
