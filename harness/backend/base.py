"""The small protocol behind which processes and containers stand; no scenario knows which it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.history.recorder import Recorder
from harness.process.running import Running
from harness.proxy.base import LinkProxy, StoreProxy
from harness.store.base import Store, StoreSettings
from harness.target.base import Launch, Target


@dataclass(frozen=True)
class Place:
    """Where something listens: an IP that both we and the cluster reach, and a port that is free there."""

    address: str
    port: int


class Backend(Protocol):
    """Runs the parts of one cluster. What it started ends with :meth:`close`."""

    name: str
    """As ``--backend`` says it."""

    own_addresses: bool
    """Whether a GCS has an IP to itself, which it can leave for another; else a front stands before it."""

    own_children: bool
    """Whether a GCS is a child process of ours, so that what its start takes is its program's alone."""

    one_raylet_each: bool
    """Whether every raylet is alone in its process."""

    def gcs_place(self) -> Place:
        """Where a GCS will listen."""

    def raylet_place(self) -> Place:
        """Where a raylet will listen."""

    def start_gcs(self, target: Target, launch: Launch, log_path: Path) -> Running:
        """One life of a GCS as ``launch`` says; ``launch.names`` lead to it, where there are name servers.

        EnvironmentProblem when it cannot be executed or somebody else has its port.
        """

    def spawn(
        self,
        module: str,
        arguments: Sequence[str],
        address: str,
        env: Mapping[str, str],
        log_path: Path,
        name: str,
    ) -> Running:
        """``python -m MODULE ARGUMENTS``, a program of ours, reachable at ``address``; ``env`` is added."""

    def store(self, spec: str, directory: Path) -> Store:
        """The store named ``spec``, not started; its files go to ``directory``. EnvironmentProblem: no such."""

    def store_proxy(
        self, store: StoreSettings, recorder: Recorder, kill: Callable[[str], None], directory: Path
    ) -> StoreProxy:
        """What stands between every GCS and its Redis; ``kill`` ends the GCS that it names."""

    def link_proxy(self, backend: tuple[str, int], recorder: Recorder, directory: Path) -> LinkProxy:
        """What may stand on any other link."""

    def runs(self, pid: int) -> bool:
        """Whether a process of that id runs on the machine that runs the cluster (a zombie does not)."""

    def disconnect(self, running: Running) -> None:
        """Take it off the network: nothing of it is reached, and it reaches nothing, until :meth:`connect`.

        This and all that follows but :meth:`close`: Unsupported where there is no such thing.
        """

    def connect(self, running: Running) -> None:
        """Back onto the network, at its own IP and names."""

    def discard(self, running: Running) -> None:
        """End it, and lose all that it had written to files of its own."""

    def out_of_memory(self, running: Running) -> bool:
        """Whether its last end was that it passed its memory limit."""

    def clock(self, offset: str) -> Mapping[str, str]:
        """Environment of a GCS whose wall clock differs by ``offset`` (``+1h``, as libfaketime takes it)."""

    def close(self) -> None:
        """End and remove all that it started. May be called twice."""
