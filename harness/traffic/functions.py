"""The functions that Ray calls unavailable while the GCS recovers: how to ask for each, how to see its effect.

Source: the list in Ray's page on GCS fault tolerance. Each is a class with ``prepare``
(the GCS is well), ``ask`` (it may be away) and ``effects`` (it is back): what was asked for,
and every trace of it in the raylets' and the GCS's books, which must be exactly one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import grpc

from harness.check import view
from harness.check.blocking import Answered
from harness.cluster import Cluster, same_resources
from harness.driver import look
from harness.driver.client import Refused
from harness.driver.pending import Pending
from harness.errors import TimedOut
from harness.raylet.handles import RayletHandle
from harness.wait import until
from harness.wire import messages as m

Effects = Mapping[str, list[str]]


class Function(Protocol):
    """One function, once used. ``sends``: the call with which a raylet asks for it; '' where a driver does."""

    sends: str

    def prepare(self, cluster: Cluster) -> None: ...

    def ask(self, cluster: Cluster) -> Pending[Any] | None:
        """Ask for it; the driver's pending call, or None where a raylet asks."""

    def effects(self, cluster: Cluster) -> Effects: ...


class Call:
    """A function asked for now: when, and (where a driver asks) when it was answered, and with what."""

    def __init__(self, cluster: Cluster, function: Function) -> None:
        self.cluster, self.what = cluster, type(function).__name__
        self._sends = function.sends
        self._sent_before = cluster.driver.gcs.sent
        self._asked_before = self._asked()
        self.made = cluster.now()
        self._ended: float | None = None
        self._pending = function.ask(cluster)
        if self._pending is not None:
            self._pending.when_done(self._note_end)

    def _note_end(self) -> None:
        self._ended = self.cluster.now()

    def until_sent(self) -> None:
        """Wait until the request is on its way; a driver's: until the GCS has read it.

        It answers a later one on the same connection.
        """
        if self._pending is None:
            until(f"{self.what} is sent", lambda: self._asked() > self._asked_before)
            return
        gcs = self.cluster.driver.gcs
        until(f"{self.what} is sent", lambda: gcs.sent > self._sent_before)
        gcs.call("CheckAlive", m.CheckAliveRequest())

    def _asked(self) -> int:
        """How often raylets have asked so far."""
        living = [raylet for raylet in self.cluster.raylets if raylet.alive]
        if self._sends == "StartSync":
            return sum(len(raylet.syncs("sent")) for raylet in living)
        return sum(len(raylet.calls(self._sends)) for raylet in living)

    def answered(self) -> bool:
        return self._ended is not None

    def answers(self, within: float = 25.0) -> list[Answered]:
        """The call as it ended, waiting for its end; nothing where a raylet asked."""
        if self._pending is None:
            return []
        try:
            self._pending.result(within)
            outcome = "ok"
        except TimedOut:
            return [Answered(self.what, self.made, None)]
        except (grpc.RpcError, Refused) as error:
            outcome = str(error)
        until("the end is noted", lambda: self._ended)
        return [Answered(self.what, self.made, self._ended, outcome)]


class CreateActor:
    sends = ""

    def prepare(self, cluster: Cluster) -> None:
        self.spec = cluster.driver.actor_spec(name="asked-for")

    def ask(self, cluster: Cluster) -> Pending[Any]:
        def create() -> None:
            cluster.driver.register_actor(self.spec)
            cluster.driver.instantiate_actor(self.spec)

        return cluster.driver.begin(create)

    def effects(self, cluster: Cluster) -> Effects:
        row = view.actor(cluster.driver.actor_named("asked-for"))
        pulse = cluster.pulse(self.spec.actor_id)
        return {
            "the actor is created": _processes(cluster, self.spec.actor_id),
            "it is alive": [row.state] if row.state == "ALIVE" else [],
            "it was made once": [f"process {pulse.pid}"] * pulse.incarnation,
        }


class DeleteActor:
    sends = ""

    def prepare(self, cluster: Cluster) -> None:
        self.actor = cluster.driver.create_actor(name="doomed", max_restarts=5)

    def ask(self, cluster: Cluster) -> Pending[Any]:
        return cluster.driver.begin(cluster.driver.kill_actor, self.actor)

    def effects(self, cluster: Cluster) -> Effects:
        until("the actor's worker is gone", lambda: not _processes(cluster, self.actor))
        state = view.actor(cluster.driver.actor(self.actor)).state
        return {"the actor is deleted": [state] if state == "DEAD" else []}


class ReconstructActor:
    sends = "ReportWorkerFailure"

    def prepare(self, cluster: Cluster) -> None:
        self.actor = cluster.driver.create_actor(name="phoenix", max_restarts=5)

    def ask(self, cluster: Cluster) -> None:
        cluster.kill_actor_process(self.actor)

    def effects(self, cluster: Cluster) -> Effects:
        def alive() -> bool:
            row = view.actor(cluster.driver.actor(self.actor))
            return row.state == "ALIVE" and row.restarts > 0

        until("the actor is reconstructed", alive, within=15)
        row = view.actor(cluster.driver.actor(self.actor))
        return {
            "the actor is reconstructed": _processes(cluster, self.actor),
            "its restart is counted": ["restart"] * row.restarts,
        }


class CreatePlacementGroup:
    sends = ""

    def prepare(self, cluster: Cluster) -> None:
        """A group needs no preparation."""

    def ask(self, cluster: Cluster) -> Pending[bytes]:
        self.asked = cluster.driver.begin(cluster.driver.create_placement_group, name="asked-for")
        return self.asked

    def effects(self, cluster: Cluster) -> Effects:
        group = self.asked.result(0)
        state = view.group(cluster.driver.placement_group(group)).state
        return {
            "the group is created": [state] if state == "CREATED" else [],
            "its bundle is held": _bundles(cluster, group),
        }


class DeletePlacementGroup:
    sends = ""

    def prepare(self, cluster: Cluster) -> None:
        self.group = cluster.driver.create_placement_group(name="doomed")

    def ask(self, cluster: Cluster) -> Pending[Any]:
        return cluster.driver.begin(cluster.driver.remove_placement_group, self.group)

    def effects(self, cluster: Cluster) -> Effects:
        until("the group's bundle is released", lambda: not _bundles(cluster, self.group))
        state = view.group(cluster.driver.placement_group(self.group)).state
        return {"the group is removed": [state] if state == "REMOVED" else []}


class ReconstructPlacementGroup:
    sends = ""

    def prepare(self, cluster: Cluster) -> None:
        self.group = cluster.driver.create_placement_group(
            ({"CPU": 1.0}, {"CPU": 1.0}), strategy="STRICT_SPREAD", name="phoenix"
        )
        nodes = view.group(cluster.driver.placement_group(self.group)).nodes
        self.lost = next(node for node in nodes if node != cluster.head.node_id.hex())

    def ask(self, cluster: Cluster) -> None:
        cluster.raylet_of(self.lost).kill()

    def effects(self, cluster: Cluster) -> Effects:
        def moved() -> bool:
            row = view.group(cluster.driver.placement_group(self.group))
            return row.state == "CREATED" and self.lost not in row.nodes

        until("the group's bundle moves to a living node", moved, within=25)
        held = _bundles(cluster, self.group)
        return {
            f"bundle {index} is held": [one for one in held if one.endswith(f":{index}")]
            for index in range(2)
        }


class ManageResources:
    sends = "StartSync"

    def prepare(self, cluster: Cluster) -> None:
        self.raylet = cluster.raylets[1]
        self.actor = cluster.add_driver(self.raylet).create_actor(resources={"CPU": 1.0})

    def ask(self, cluster: Cluster) -> None:
        self.raylet.resize({"CPU": 7.0, "extra": 2.0})

    def effects(self, cluster: Cluster) -> Effects:
        def seen(now: dict[str, dict[str, float]], held: Mapping[str, float]) -> list[str]:
            amounts = now.get(self.raylet.node_id.hex(), {})
            return [str(dict(held))] if same_resources(amounts, held) else []

        cluster.settled()
        return {
            "available resources are right": seen(
                look.available(cluster.driver.gcs), {"CPU": 6.0, "extra": 2.0}
            ),
            "total resources are right": seen(look.totals(cluster.driver.gcs), {"CPU": 7.0, "extra": 2.0}),
        }


class RegisterNode:
    sends = "RegisterNode"
    raylet: RayletHandle

    def prepare(self, cluster: Cluster) -> None:
        """A node needs no preparation."""

    def ask(self, cluster: Cluster) -> None:
        self.raylet = cluster.add_raylet({"CPU": 1.0}, wait=False)

    def effects(self, cluster: Cluster) -> Effects:
        self.raylet.wait_registered(within=15)
        listed = cluster.driver.gcs.checked("GetAllNodeInfo", m.GetAllNodeInfoRequest()).node_info_list
        return {
            "the node is registered": [
                one.node_manager_address
                for one in listed
                if one.node_id == self.raylet.node_id and one.state == m.GcsNodeInfo.ALIVE
            ]
        }


class CreateWorkerProcess:
    sends = "AddWorkerInfo"

    def prepare(self, cluster: Cluster) -> None:
        """A worker process needs no preparation."""

    def ask(self, cluster: Cluster) -> None:
        self.worker = cluster.raylets[1].start_worker()

    def effects(self, cluster: Cluster) -> Effects:
        raylet = cluster.raylets[1]
        until("the worker is ready", lambda: raylet.worker(self.worker.worker_id).ready, within=15)
        rows = cluster.driver.gcs.checked("GetAllWorkerInfo", m.GetAllWorkerInfoRequest()).worker_table_data
        return {
            "the worker is registered": [
                str(row.pid) for row in rows if row.worker_address.worker_id == self.worker.worker_id
            ]
        }


FUNCTIONS: tuple[type[Function], ...] = (
    CreateActor,
    DeleteActor,
    ReconstructActor,
    CreatePlacementGroup,
    DeletePlacementGroup,
    ReconstructPlacementGroup,
    ManageResources,
    RegisterNode,
    CreateWorkerProcess,
)


def _processes(cluster: Cluster, actor: bytes) -> list[str]:
    return [f"process {worker.pid}" for worker in cluster.workers_of(actor)]


def _bundles(cluster: Cluster, group: bytes) -> list[str]:
    return [f"{node[:8]}:{index}" for index, node in cluster.bundles_of(group).items()]
