"""How a raylet joins its cluster, joins again after a GCS restart, checks itself and leaves."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from harness.raylet.gcs_client import GcsRefused
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.raylet.raylet import Raylet

SELF_CHECK_TIMEOUT_S = 30.0  # contract, section 1: the raylet's CheckAlive


class Membership:
    """One raylet's dealings with the node and job tables."""

    def __init__(self, raylet: Raylet) -> None:
        self._raylet = raylet
        self._check: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """No further self checks."""
        if self._check is not None:
            self._check.cancel()

    async def join(self) -> None:
        """Ray's order of first calls (contract, section 11.1)."""
        if self._raylet.options.cluster_id:
            self._raylet.gcs.cluster_id = self._raylet.options.cluster_id
        else:
            reply = await self._raylet.gcs.call("NodeInfoGcsService.GetClusterId", m.GetClusterIdRequest())
            self._raylet.gcs.cluster_id = reply.cluster_id
        await self._raylet.gcs.call("InternalKVGcsService.GetInternalConfig", m.GetInternalConfigRequest())
        await self._raylet.gcs.call(
            "NodeInfoGcsService.RegisterNode", m.RegisterNodeRequest(node_info=self._info())
        )
        self._raylet.registered.set()
        await self._raylet.subscriber.subscribe(self._node_channel())
        self._raylet.subscriber.poll()
        self._raylet.spawn(self._self_check())
        await self._read_nodes()
        if self._raylet.options.sync:
            self._raylet.syncer.start()
        await self._raylet.subscriber.subscribe("GCS_WORKER_DELTA_CHANNEL", "GCS_JOB_CHANNEL")
        await self._read_jobs()
        self._raylet.settled.set()

    async def rejoin(self) -> None:
        """What a GCS restart asks for: no RegisterNode, no CheckAlive (contract, section 3.6)."""
        if self._raylet.options.sync:
            await self._raylet.syncer.again()
        await self._raylet.subscriber.again()
        await self._read_jobs()
        await self._read_nodes()

    async def _read_jobs(self) -> None:
        request = m.GetAllJobInfoRequest(
            skip_submission_job_info_field=True, skip_is_running_tasks_field=True
        )
        await self._raylet.gcs.call_raw(
            "JobInfoGcsService.GetAllJobInfo", self._raylet.dialect.encode(request)
        )

    async def _read_nodes(self) -> None:
        name, request, kind = "GetAllNodeInfo", b"", m.GetAllNodeInfoReply
        if self._raylet.dialect.address_and_liveness_channel:
            name, kind = "GetAllNodeAddressAndLiveness", m.GetAllNodeAddressAndLivenessReply  # type: ignore[assignment]
        async with self._raylet.gcs.link.reading:
            data = await self._raylet.gcs.call_raw(f"NodeInfoGcsService.{name}", request)
            if self._raylet.options.watch:
                for node in self._raylet.dialect.decode(kind, data).node_info_list:
                    self._raylet.node(node)

    async def _self_check(self) -> None:
        """CheckAlive of itself; not alive, or another cluster's GCS, is the end of the process."""
        request = m.CheckAliveRequest(node_ids=[self._raylet.node_id])
        if self._raylet.dialect.checks_alive_by_address:
            request = m.CheckAliveRequest(
                raylet_address=[f"{self._raylet.options.address}:{self._raylet.port}"]
            )
        try:
            reply = await self._raylet.gcs.call(
                "NodeInfoGcsService.CheckAlive", request, SELF_CHECK_TIMEOUT_S
            )
        except GcsRefused as refused:
            if refused.code is self._raylet.dialect.wrong_cluster_id:
                self._raylet.go(1, f"GCS returned an authentication error: {refused}")
                return
        else:
            if list(reply.raylet_alive) == [False]:
                self._raylet.go(1, "GCS considers this node to be dead")
                return
        loop = asyncio.get_running_loop()
        self._check = loop.call_later(
            self._raylet.options.self_check, lambda: self._raylet.spawn(self._self_check())
        )

    async def unregister(self, death: m.NodeDeathInfo) -> None:
        """Say goodbye, and exit 0."""
        request = m.UnregisterNodeRequest(node_id=self._raylet.node_id, node_death_info=death)
        await self._raylet.gcs.call("NodeInfoGcsService.UnregisterNode", request)
        self._raylet.go(0, death.reason_message)

    def _node_channel(self) -> str:
        whole = not self._raylet.dialect.address_and_liveness_channel
        return "GCS_NODE_INFO_CHANNEL" if whole else "GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL"

    def _info(self) -> m.GcsNodeInfo:
        return m.GcsNodeInfo(
            node_id=self._raylet.node_id,
            node_manager_address=self._raylet.options.address,
            node_manager_port=self._raylet.port,
            object_manager_port=self._raylet.objects.port,
            node_manager_hostname=self._raylet.options.address,
            node_name=self._raylet.options.address,
            resources_total=dict(self._raylet.options.resources),
            labels=dict(self._raylet.options.labels),
            is_head_node=self._raylet.options.is_head,
            start_time_ms=int(time.time() * 1000),
            state=m.GcsNodeInfo.ALIVE,
        )
