"""One raylet, as a scenario holds it. Synchronous; everything but tasks and actors asks the host."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import Any

from harness import wait
from harness.history.recorder import Recorder
from harness.raylet.asking import HostError
from harness.raylet.books import BundleKey
from harness.raylet.records import ActorHandle, Call, Heard, ObjectRef, Order, Task, Worker


class RayletHandle:
    """One raylet of a host. Ask properties afresh each time; they go to the host."""

    def __init__(
        self,
        ask: Callable[[dict[str, Any]], Any],
        state: Mapping[str, Any],
        host_exit: Callable[[], int | None],
        recorder: Callable[[], Recorder] = Recorder,
    ) -> None:
        """``state``: what the host says of it; ``recorder``: the history that our own deeds go to."""
        self.node_id: bytes = state["node_id"]
        self.address: str = state["address"]
        self.port: int = state["port"]
        self.object_manager_port: int = state["object_manager_port"]
        self.is_head: bool = state["is_head"]
        self._ask_host = ask
        self._host_exit = host_exit
        self._recorder = recorder
        self._killed = False

    def __repr__(self) -> str:
        return f"<raylet {self.node_id.hex()[:8]} at {self.address}:{self.port}>"

    def _ask(self, op: str, **fields: Any) -> Any:
        return self._ask_host({"op": op, "node": self.node_id, **fields})

    # --- state ----------------------------------------------------------------------------

    @property
    def exit_status(self) -> int | None:
        """The raylet's exit status: its process's, or its own in a host of many. ``None``: it lives."""
        state = self._state()
        status: int | None = self._host_exit() if state is None else state["exit_status"]
        return status

    @property
    def alive(self) -> bool:
        """Has it not exited?"""
        return self.exit_status is None

    @property
    def state(self) -> str:
        """``connected``, ``waiting`` (for the GCS) or ``gone``."""
        state = self._state()
        return "gone" if state is None else str(state["state"])

    @property
    def waiting_since(self) -> float | None:
        """When its first call to the GCS failed, in monotonic seconds; ``None`` unless it waits."""
        state = self._state()
        since: float | None = None if state is None else state["since"]
        return since

    def _state(self) -> dict[str, Any] | None:
        """What the host says of it; None when it has ended, of which its engine may tell later than its silence."""
        if self._host_exit() is not None:
            return None
        try:
            state: dict[str, Any] = self._ask("state")
        except OSError:
            wait.until("the host's exit status", lambda: self._host_exit() is not None, 5)
            return None
        return state

    @property
    def registered(self) -> bool:
        """Has the GCS acknowledged RegisterNode?"""
        return bool(self._ask("state")["registered"])

    @property
    def settled(self) -> bool:
        """Has it also subscribed, read the tables and begun to sync?"""
        return bool(self._ask("state")["settled"])

    @property
    def syncing(self) -> bool:
        """Is the syncer stream open, with a view sent?"""
        return bool(self._ask("state")["syncing"])

    @property
    def cluster_id(self) -> bytes | None:
        """The cluster it believes it belongs to."""
        found: bytes | None = self._ask("state")["cluster_id"]
        return found

    @property
    def waiting_leases(self) -> list[bytes]:
        """Lease requests that are parked here."""
        return list(self._ask("state")["waiting_leases"])

    def wait_registered(self, within: float = 30.0) -> RayletHandle:
        """Wait until the GCS acknowledged the registration; TimedOut after ``within`` seconds."""
        wait.until(f"{self} registered", lambda: self.registered, within)
        return self

    def wait_settled(self, within: float = 30.0) -> RayletHandle:
        """Wait until the raylet also subscribed and syncs."""
        wait.until(f"{self} settled", lambda: self.settled, within)
        return self

    # --- what it went through -------------------------------------------------------------

    def orders(self, method: str | None = None, since: int = 0) -> list[Order]:
        """Orders received after number ``since``, of ``method`` if given, oldest first.

        GetResourceLoad, asked each second, is only counted.
        """
        return [
            Order(
                seq=one["seq"],
                time=one["time"],
                node_id=self.node_id,
                method=one["kind"],
                outcome=one["outcome"],
                fields=one.get("fields", {}),
                worker_id=one.get("worker_id", b""),
                script=one.get("script"),
            )
            for one in self._read("orders", method, since)
        ]

    def messages(self, channel: str | None = None, since: int = 0) -> list[Heard]:
        """Subscription messages received, of ``channel`` (``GCS_JOB_CHANNEL``) if given."""
        return [Heard(channel=one.pop("kind"), **one) for one in self._read("messages", channel, since)]

    def calls(self, method: str | None = None, since: int = 0) -> list[Call]:
        """Calls made to the GCS, of ``method`` (``RegisterNode``) if given."""
        return [Call(method=one.pop("kind"), **one) for one in self._read("calls", method, since)]

    def transitions(self) -> list[dict[str, Any]]:
        """What befell the raylet: ``kind`` connected, waiting, gone, exit or refused, with ``time``, ``why``."""
        return self._read("transitions", None, 0)

    def syncs(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The syncer stream: ``kind`` opened, closed, sent (``version``), view (``node_id, version``)."""
        return self._read("syncs", kind, 0)

    def counts(self, journal: str = "orders") -> dict[str, int]:
        """How many records of each kind there ever were in orders, messages, calls or syncs."""
        return dict(self._ask("counts", journal=journal))

    def _read(self, journal: str, kind: str | None, since: int) -> list[dict[str, Any]]:
        return list(self._ask("read", journal=journal, kinds=[kind] if kind else None, since=since))

    # --- what it holds --------------------------------------------------------------------

    def workers(self) -> list[Worker]:
        """All workers there ever were here."""
        return [Worker(**one) for one in self._ask("workers")]

    def worker(self, worker_id: bytes) -> Worker:
        """The worker ``worker_id`` as it is now. KeyError if it never was here."""
        found = {one.worker_id: one for one in self.workers()}
        return found[worker_id]

    def bundles(self) -> dict[BundleKey, dict[str, Any]]:
        """The book of bundles: ``state`` (prepared, committed), ``resources``, ``available``."""
        return {(one.pop("placement_group_id"), one.pop("index")): one for one in self._ask("bundles")}

    def available(self) -> dict[str, float]:
        """Free resources, committed bundles under their group's names."""
        return dict(self._ask("resources")["available"])

    def total(self) -> dict[str, float]:
        """All resources, committed bundles under their group's names."""
        return dict(self._ask("resources")["total"])

    def resize(self, total: Mapping[str, float]) -> None:
        """Change the node's own resources; the GCS hears of it through the syncer."""
        self._ask("resize", total=dict(total))

    def seen(self, node_id: bytes) -> dict[str, float] | None:
        """What another node was last heard to have free, through the syncer."""
        found: dict[str, float] | None = self._ask("seen", node_id=node_id)
        return found

    # --- work -----------------------------------------------------------------------------

    def start_task(self, name: str = "task") -> Task:
        """A task in a fresh worker process, without the GCS."""
        return Task(name, Worker(**self._ask("start_worker", register=False)))

    def start_worker(self) -> Worker:
        """A worker process that registers itself; see :meth:`worker` for ``ready``."""
        return Worker(**self._ask("start_worker", register=True))

    def actor(self, actor_id: bytes) -> ActorHandle:
        """The actor in its living worker here. KeyError if there is none."""
        for worker in self.workers():
            if worker.alive and worker.actor_id == actor_id:
                return ActorHandle(actor_id, worker)
        raise KeyError(f"no living worker of {self} runs actor {actor_id.hex()}")

    def put(self, data: bytes) -> ObjectRef:
        """Keep ``data`` in this raylet."""
        put = self._ask("put", data=data)
        return ObjectRef(put["object_id"], put["checksum"], len(data), self.address, self.object_manager_port)

    def get(self, ref: ObjectRef) -> bytes:
        """Have this raylet pull ``ref`` from its owner, raylet to raylet, and check it.

        LookupError if the owner does not hold it or the checksum is wrong; OSError if it is gone.
        """
        asked = {"address": ref.address, "port": ref.port, "object_id": ref.object_id}
        try:
            data: bytes = self._ask("pull", checksum=ref.checksum, **asked)
        except HostError as error:
            if error.kind == "NoSuchObject":
                raise LookupError(str(error)) from None
            raise OSError(str(error)) from None
        return data

    def attach_driver(self, worker_id: bytes, port: int = 0) -> int:
        """Serve as the owner ``worker_id``, which needs no process; gives back its port on
        :attr:`address`, for the ``caller_address`` of what it owns."""
        return int(self._ask("attach_driver", worker_id=worker_id, port=port)["port"])

    def detach_driver(self, worker_id: bytes, report: bool = True) -> None:
        """The owner died: its port closes; ReportWorkerFailure goes out if ``report``."""
        self._ask("detach_driver", worker_id=worker_id, report=report)

    def drop_ref(self, actor_id: bytes, worker_id: bytes | None = None) -> None:
        """The owner (default: every attached one) lets go of its actor."""
        self._ask("drop_ref", actor_id=actor_id, worker_id=worker_id)

    # --- mischief -------------------------------------------------------------------------

    def kill_worker(self, worker_id: bytes, number: int = signal.SIGKILL) -> None:
        """Send a signal to a worker process, unknown to the raylet until it dies."""
        self._ask("kill_worker", worker_id=worker_id, signal=int(number))

    def script(
        self,
        method: str,
        mode: str,
        seconds: float = 0.0,
        code: str = "UNAVAILABLE",
        times: int | None = None,
    ) -> None:
        """Deviate in ``method`` (``*``: all) for the next ``times`` calls; see ``harness.raylet.scripts``.

        ``refuse`` of PushTask: the actor's constructor raises. ValueError-kind HostError for a
        mode that does not exist.
        """
        self._ask("script", method=method, mode=mode, seconds=seconds, code=code, times=times)

    def release(self, method: str) -> bool:
        """End the deviation in ``method`` and let go what it holds; false if there was none."""
        return bool(self._ask("release", method=method))

    def unreachable(self) -> None:
        """Close the raylet's port; workers, owners and its own calls go on."""
        self._ask("reach", reachable=False)

    def reachable(self) -> None:
        """Open the port again, the same one."""
        self._ask("reach", reachable=True)

    def leave(self, preempted: bool = False) -> None:
        """Unregister and exit 0, as on SIGTERM; ``preempted``: as when the machine is taken away."""
        self._ask("leave", preempted=preempted)

    def kill(self, status: int = -signal.SIGKILL) -> None:
        """End this raylet at once and without a word; ``status`` is recorded for it.

        The only raylet of a host takes the process with it: prefer ``RayletHost.kill`` there.
        """
        self.tell("killed", "by the scenario")
        try:
            self._ask("kill", status=status)
        except OSError:
            wait.until("the host's end", lambda: self._host_exit() is not None, 5)

    def tell(self, what: str, why: str, **facts: Any) -> None:
        """Write into the history that we ``killed``, ``paused`` or ``resumed`` it; nothing once killed."""
        if self._killed:
            return
        self._killed = what == "killed"
        self._recorder().write("raylet", what, {"why": why, **facts}, self.node_id.hex())
