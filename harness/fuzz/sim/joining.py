"""How a simulated raylet becomes a node, hears of the others, asks after itself, and says goodbye."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from harness.fuzz.sim.calling import Calling
from harness.fuzz.sim.subscriber import Subscriber
from harness.fuzz.sim.workers import IP
from harness.raylet.cluster_view import Place
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.fuzz.sim.raylet import Raylet

SELF_CHECK = 60.0


class Membership:
    """``registered``: the GCS has acknowledged this node."""

    def __init__(self, raylet: Raylet) -> None:
        self.registered = False
        self._raylet = raylet
        self._subscriber = Subscriber(raylet.call, raylet.node_id, self._heard)
        self._reading: dict[str, Calling] = {}

    def join(self) -> None:
        """Learn who the cluster is and how it is configured, and register."""
        self._raylet.call("NodeInfoGcsService.GetClusterId", m.GetClusterIdRequest(), self._know_cluster)

    def register(self, then: Callable[[Any], None]) -> None:
        """Say who this node is."""
        raylet = self._raylet
        info = m.GcsNodeInfo(
            node_id=raylet.node_id,
            node_manager_address=IP,
            node_manager_port=raylet.port,
            node_manager_hostname=IP,
            node_name=IP,
            resources_total=raylet.resources,
            is_head_node=raylet.head,
            start_time_ms=int(raylet.began * 1000),
            state=m.GcsNodeInfo.ALIVE,
        )
        raylet.call("NodeInfoGcsService.RegisterNode", m.RegisterNodeRequest(node_info=info), then)

    def restarted(self) -> None:
        """NotifyGCSRestart: sync, subscribe and read again."""
        if self.registered:
            self._raylet.syncer.start()
            self._subscriber.again()
            self._read_tables()

    def leave(self, death: m.NodeDeathInfo) -> None:
        """Say goodbye, and exit."""
        raylet, why = self._raylet, death.reason_message
        request = m.UnregisterNodeRequest(node_id=raylet.node_id, node_death_info=death)
        raylet.call("NodeInfoGcsService.UnregisterNode", request, lambda _reply: raylet.exit(0, why))

    def _know_cluster(self, reply: m.GetClusterIdReply) -> None:
        self._raylet.channel.cluster_id = reply.cluster_id.hex()
        config = m.GetInternalConfigRequest()
        self._raylet.call(
            "InternalKVGcsService.GetInternalConfig", config, lambda _reply: self.register(self._joined)
        )

    def _joined(self, _reply: Any) -> None:
        self.registered = True
        self._subscriber.subscribe(
            m.GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL, m.GCS_WORKER_DELTA_CHANNEL, m.GCS_JOB_CHANNEL
        )
        self._raylet.clock.after(SELF_CHECK, self._check_self)
        self._read_tables()
        self._raylet.syncer.start()

    def _read_tables(self) -> None:
        jobs = m.GetAllJobInfoRequest(skip_submission_job_info_field=True, skip_is_running_tasks_field=True)
        self._read("JobInfoGcsService.GetAllJobInfo", jobs, _ignore)
        nodes = m.GetAllNodeAddressAndLivenessRequest()
        self._read("NodeInfoGcsService.GetAllNodeAddressAndLiveness", nodes, self._read_nodes)

    def _read(self, name: str, request: Message, then: Callable[[Any], None]) -> None:
        """One that still waits for an earlier GCS will be answered by this one."""
        earlier = self._reading.get(name)
        if earlier is None or earlier.over:
            self._reading[name] = self._raylet.call(name, request, then)

    def _read_nodes(self, reply: m.GetAllNodeAddressAndLivenessReply) -> None:
        for node in reply.node_info_list:
            self._node(node)

    def _heard(self, message: m.PubMessage) -> None:
        if message.HasField("node_address_and_liveness_message"):
            self._node(message.node_address_and_liveness_message)

    def _node(self, node: m.GcsNodeAddressAndLiveness) -> None:
        alive = node.state == m.GcsNodeInfo.ALIVE
        place = Place(node.node_manager_address, node.node_manager_port) if alive else None
        self._raylet.view.node(node.node_id, place)
        self._raylet.leases.retry()

    def _check_self(self) -> None:
        if not self._raylet.gone:
            request = m.CheckAliveRequest(node_ids=[self._raylet.node_id])
            self._raylet.call("NodeInfoGcsService.CheckAlive", request, self._checked)

    def _checked(self, reply: m.CheckAliveReply) -> None:
        if list(reply.raylet_alive) == [False]:
            self._raylet.exit(1, "GCS considers this node to be dead")
        else:
            self._raylet.clock.after(SELF_CHECK, self._check_self)


def _ignore(_reply: Any) -> None:
    """The answer changes nothing."""
