"""The target: the GCS implementation that is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.store.base import StoreSettings
from harness.wire.dialect import Dialect


@dataclass(frozen=True)
class Launch:
    """All that one start of a GCS is given; a restart repeats it, a move changes ``address``.

    ``address`` is an IP of its own or of loopback, ``port`` a fixed TCP port outside the ephemeral range.
    ``config`` is Ray's system config (``config_list``: JSON, then base64); ``env`` is laid over
    a clean environment. ``directory`` is this GCS's own: session and log files go there. ``names``
    are DNS names that shall lead to it, where what runs it has name servers; ``memory`` is a limit, like ``64m``, where
    what runs it can limit it.
    """

    address: str
    port: int
    store: StoreSettings
    namespace: str
    session_name: str
    directory: Path
    config: Mapping[str, object] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    memory: str = ""


@dataclass(frozen=True)
class Command:
    """What to execute: ``argv[0]`` is a path or a name on PATH; ``env`` is complete.

    ``cwd``: where it runs; None for where we run.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path | None = None


class Target(Protocol):
    """An implementation under test, named as the user named it (``ray==2.60.0``)."""

    @property
    def name(self) -> str: ...

    @property
    def dialect(self) -> Dialect: ...

    @property
    def stores(self) -> frozenset[str]:
        """The store kinds that it can use: of ``redis``, ``memory``, ``rocksdb``."""

    @property
    def runs_here(self) -> bool:
        """Whether :meth:`command` says how to run it as a process of this machine."""

    def prepare(self) -> None:
        """Fetch what it needs (a wheel); EnvironmentProblem with one clear sentence if it cannot."""

    def command(self, launch: Launch) -> Command: ...
