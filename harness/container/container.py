"""A container with the interface of a child process."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Any

from docker.errors import ImageNotFound, NotFound
from testcontainers.core.container import DockerContainer

from harness.container.engine import Engine, asking, engine
from harness.container.life import Life
from harness.container.network import Network, network
from harness.container.plan import Plan, planned
from harness.errors import EnvironmentProblem
from harness.process.child import tail

__all__ = ["Container", "Plan"]


class Container:
    """Satisfies :class:`harness.process.running.Running` for its present life. Make it with :meth:`create`.

    ``group`` is for processes: what is done to a container is done to all that runs in it.
    """

    def __init__(self, plan: Plan, log_path: Path) -> None:
        self.plan = plan
        self.id = ""
        self._engine: Engine = engine()
        self._network: Network = network()
        self._log_path = log_path
        self._life: Life | None = None
        self._made: DockerContainer | None = planned(
            plan, self._engine, self._network.name, self._before_start
        )

    @classmethod
    def create(cls, plan: Plan, log_path: Path) -> Container:
        """Make and start a container that prints to ``log_path``, appended. EnvironmentProblem if the engine refuses."""
        container = cls(plan, log_path)
        made = container._made
        assert made is not None
        try:
            with asking(f"start {container.name} ({plan.image})"):
                container._find_image()  # Testcontainers would pull a missing one without a word
                made.start()
                container._present_life.begin()
            made.get_docker_client().client.close()  # it would keep its connections for the end
        except BaseException:
            container._undo(made)
            raise
        return container

    def start(self, log_path: Path | None = None) -> None:
        """Start it again after an end: the same file system and address, a new life.

        ``log_path``: where that life prints; None: where the last one did. RuntimeError while it runs.
        """
        if self.alive:
            raise RuntimeError(f"{self.name} still runs")
        before = self._life
        self._log_path = log_path or self._log_path
        self._before_start(self.id)
        try:
            with asking(f"start {self.name} again"):
                self._engine.client.api.start(self.id)
                self._present_life.begin()
        except BaseException:
            self._present_life.abandon()
            self._life = before
            raise

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def pid(self) -> int:
        """Of its first process, as the engine's machine counts; 0 if it ended at once."""
        return self._present_life.pid

    @property
    def log_path(self) -> Path:
        return self._present_life.log_path

    @property
    def flooded(self) -> bool:
        """Whether it was killed because its log grew beyond all use."""
        return self._present_life.flooded

    @property
    def alive(self) -> bool:
        """Whether it has not ended; a paused container is alive."""
        return self._present_life.alive

    def poll(self) -> int | None:
        """The exit status (negative: the signal that ended it); None while it runs. Asks nobody."""
        return self._present_life.status

    def wait(self, within: float) -> int | None:
        """Wait up to ``within`` seconds for the end; the exit status, or None when it still runs."""
        self._present_life.ended.wait(within)
        return self.poll()

    def signal(self, number: int) -> None:
        """Send a signal to its first process; the engine lets a paused container run on for it."""
        self._present_life.order(
            f"send signal {number} to", lambda one: self._engine.client.api.kill(one, signal=number)
        )

    def kill(self, group: bool = False) -> None:
        """SIGKILL, and return when all in it is dead and its address is silent."""
        self._present_life.kill()

    def terminate(self, within: float = 5.0, group: bool = False) -> int:
        """SIGTERM, then SIGKILL when it is not gone after ``within`` seconds; the exit status."""
        self.signal(signal.SIGTERM)
        self.wait(within)
        self.kill()
        status = self.poll()
        assert status is not None
        return status

    def pause(self, group: bool = False) -> None:
        """Return when its first process has stopped, or with ``group`` when nothing in it runs any more."""
        if not group:
            self.signal(signal.SIGSTOP)
        elif self.alive and not self._state("Paused"):
            self._present_life.order("pause", self._engine.client.api.pause)

    def resume(self, group: bool = False) -> None:
        """What :meth:`pause` stopped runs on."""
        if not group:
            self.signal(signal.SIGCONT)
        elif self.alive and self._state("Paused"):
            self._present_life.order("resume", self._engine.client.api.unpause)

    def disconnect(self) -> None:
        """Take it off the run's network: its packets go nowhere, its connections learn nothing."""
        self._network.disconnect(self.id)

    def connect(self) -> None:
        """Put it on the run's network again, with its address and its aliases."""
        self._network.connect(self.id, self.plan.address, self.plan.aliases)

    def oom_killed(self) -> bool:
        """Whether the kernel killed in its last life because its memory limit was reached. Ask before it is removed."""
        return bool(self._state("OOMKilled"))

    def remove(self) -> None:
        """End it and remove it with its anonymous volumes; its log is complete. May be called twice."""
        made, self._made = self._made, None
        if made is not None:
            try:
                self.kill()
            finally:
                self._undo(made)

    def log_tail(self, lines: int = 20) -> str:
        """The last ``lines`` lines of its log, as far as they are in its last 64 KiB."""
        return tail(self.log_path, lines)

    @property
    def _present_life(self) -> Life:
        assert self._life is not None
        return self._life

    def _before_start(self, identity: str) -> None:
        self.id = identity
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with asking(f"listen to {self.name}"):
            self._life = Life(self._engine.client, identity, self.name, self._log_path)

    def _find_image(self) -> None:
        try:
            self._engine.client.images.get(self.plan.image)
        except ImageNotFound as absent:
            raise EnvironmentProblem(
                f"the image {self.plan.image} of {self.name} is not on this machine: build or pull it"
            ) from absent

    def _undo(self, made: DockerContainer) -> None:
        self._made = None
        with asking(f"remove {self.name}"), contextlib.suppress(NotFound):
            made.stop()
        if self._life is not None:
            self._life.abandon()

    def _state(self, what: str) -> Any:
        with asking(f"say how {self.name} is"):
            return self._engine.client.api.inspect_container(self.id)["State"][what]
