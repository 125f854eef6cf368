"""A host process of fake raylets, as pytest sees it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import wait
from harness.history.recorder import Recorder
from harness.process.python import spawn_here
from harness.process.running import Running, Spawn
from harness.raylet.asking import PATIENCE_S, Line
from harness.raylet.handles import RayletHandle
from harness.raylet.host import CONTROL_FILE
from harness.raylet.reconnect import limit_from
from harness.wire.dialect import Dialect, dialect

START_S = 20.0


class RayletHost:
    """One process with one raylet, or many. Starts with the constructor; close it."""

    def __init__(
        self,
        gcs_address: str,
        speaks: Dialect | None = None,
        directory: Path | None = None,
        shared: Path | None = None,
        env: Mapping[str, str] | None = None,
        channel_options: Mapping[str, str | int] | None = None,
        check_interval: float = 1.0,
        spawn: Spawn = spawn_here,
        address: str = "127.0.0.1",
        name: str = "raylets",
        record: tuple[str, str, int, str] | None = None,
        lasting: bool = False,
    ) -> None:
        """Start the process and wait until it can be talked to (at most 20 s, else TimedOut).

        ``gcs_address``: any gRPC target (``127.0.0.1:6379``, ``dns://127.0.0.1:5353/gcs.test:6379``).
        ``directory``: for its log and control file; ``shared``: where all hosts of a cluster
        count actor creations, ``directory`` unless given. ``env`` is added to ours;
        ``RAY_gcs_rpc_server_reconnect_timeout_s`` there is the raylets' limit. ``address``: where the
        process listens for us; ``spawn``: what starts it. ``channel_options``:
        gRPC channel arguments over Ray's. ``check_interval``: seconds between looks at a lost
        channel (Ray's 1). ``record``: what :meth:`record` takes; without it the raylets write no history.
        ``lasting``: the process outlives its last raylet.
        """
        self.dialect = speaks or dialect()
        self.directory = directory or Path(tempfile.mkdtemp(prefix="gauntlet-raylets-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.raylets: list[RayletHandle] = []
        self.address = address
        """Where it takes requests."""
        self.paused = False
        """Whether it was paused and not resumed since."""
        self.recorder = Recorder()
        """Where it is written that we killed or paused raylets: a killed host cannot say so."""
        shared = shared or self.directory
        shared.mkdir(parents=True, exist_ok=True)
        control = self.directory / CONTROL_FILE
        control.unlink(missing_ok=True)
        # gRPC's threads would each grow a heap of their own, which never shrinks.
        self._env = {"MALLOC_ARENA_MAX": "1", **(env or {})}
        arguments = [
            "--gcs", gcs_address, "--control", address,
            "--release", str(self.dialect.release), "--directory", str(self.directory),
            "--shared", str(shared), "--check-interval", str(check_interval),
            "--channel-options", json.dumps(list((channel_options or {}).items())),
            *(["--lasting"] if lasting else []),
            *(["--record", json.dumps([_absolute(record[0]), *record[1:]])] if record else []),
        ]  # fmt: skip
        log_path = self.directory / f"{name}.log"
        self._process = spawn("harness.raylet.host", arguments, address, self._env, log_path, name)
        wait.until(
            f"{name} to start",
            lambda: control.exists() or self._process.poll() is not None,
            START_S,
            evidence=self._process.log_tail,
        )
        if not control.exists():
            raise RuntimeError(f"{name} ended with {self.exit_status}:\n{self._process.log_tail()}")
        self._line = Line(address, json.loads(control.read_text())["port"])

    def __enter__(self) -> RayletHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def running(self) -> Running:
        """The process, or the container."""
        return self._process

    @property
    def pid(self) -> int:
        """The process id of the host."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """The process's exit status, negative for a signal; ``None`` while it runs."""
        return self._process.poll()

    def add_begin(
        self,
        address: str,
        port: int = 0,
        resources: Mapping[str, float] | None = None,
        is_head: bool = False,
        labels: Mapping[str, str] | None = None,
        **options: Any,
    ) -> RayletHandle:
        """Open a raylet and let it register by itself, also when the GCS is away until later.

        ``options``: see :class:`harness.raylet.raylet.Options` (``reconnect_limit``,
        ``self_check``, ``sync``, ``sync_reopen`` and ``sync_report`` in seconds, ``watch``, ``kept``, ``cluster_id``…).
        """
        asked = {
            "address": address,
            "port": port,
            "resources": dict(resources if resources is not None else {"CPU": 4.0}),
            "is_head": is_head,
            "labels": dict(labels or {}),
            "reconnect_limit": limit_from({**os.environ, **self._env}),
            **options,
        }
        raylet = RayletHandle(
            self._ask, self._ask({"op": "add", **asked}), lambda: self.exit_status, lambda: self.recorder
        )
        self.raylets.append(raylet)
        return raylet

    def add(self, address: str, within: float = 30.0, **options: Any) -> RayletHandle:
        """As :meth:`add_begin`, and wait until it is registered, subscribed and syncing."""
        return self.add_begin(address, **options).wait_settled(within)

    def add_many(self, addresses: Sequence[str], within: float = 120.0, **options: Any) -> list[RayletHandle]:
        """Many at once; the first is the head if ``is_head`` is given."""
        head = options.pop("is_head", False)
        added = [
            self.add_begin(address, is_head=head and number == 0, **options)
            for number, address in enumerate(addresses)
        ]
        wanted = {one.node_id for one in added}

        def settled() -> bool:
            return all(one["settled"] for one in self._ask({"op": "states"}) if one["node_id"] in wanted)

        wait.until(f"{len(added)} raylets settled", settled, within, every=0.2)
        return added

    def clear(self) -> None:
        """Free all of its raylets; what their handles are asked then is a KeyError there. For a process that lasts."""
        self._ask({"op": "clear"})
        self.raylets.clear()

    def record(self, directory: str | Path, case: str, cluster: int, writer: str) -> None:
        """From now on the raylets write the history of ``case`` below ``directory``.

        ``cluster``: its number in the case; ``writer`` begins the ids of its events, e.g. ``r0``,
        and must be no other process's of that case. A call begun in one case and ended in the
        next has no end in either. OSError if the host is gone.
        """
        where = {"directory": _absolute(directory), "case": case, "cluster": cluster, "writer": writer}
        self._ask({"op": "record", **where})

    def kill(self) -> None:
        """SIGKILL the host: its raylets and all their workers are gone at once."""
        self._kill("SIGKILL of the host")

    def pause(self) -> None:
        """Stop the host (SIGSTOP): its raylets fall silent, their ports accept and never answer.
        Worker processes run on."""
        self._tell("paused", "SIGSTOP of the host")
        self._process.pause()
        self.paused = True

    def resume(self) -> None:
        """Let it run again."""
        self._tell("resumed", "SIGCONT of the host")
        self.paused = False
        self._process.resume()

    def wait_exit(self, within: float) -> int:
        """The exit status, awaited at most ``within`` seconds."""
        wait.until("the host's exit", lambda: self.exit_status is not None, within)
        status = self.exit_status
        assert status is not None
        return status

    def log_tail(self, lines: int = 20) -> str:
        """The end of the host's log."""
        return self._process.log_tail(lines)

    def close(self) -> None:
        """Kill the process, if it runs; may be called again."""
        self._line.close()
        if self.exit_status is None:
            self._kill("the host was closed")

    def _kill(self, why: str) -> None:
        self._tell("killed", why)
        self._process.kill()
        wait.until("the host's end", lambda: self.exit_status is not None, 5)

    def _tell(self, what: str, why: str) -> None:
        """Written before it is done, so that nothing that follows from it is older."""
        for raylet in self.raylets if self.exit_status is None else ():
            raylet.tell(what, why, pid=self.pid)

    def _ask(self, request: dict[str, Any], within: float = PATIENCE_S) -> Any:
        return self._line.ask(request, within).get("value")


def _absolute(directory: str | Path) -> str:
    """For another process, which may stand elsewhere."""
    return str(Path(directory).absolute())
