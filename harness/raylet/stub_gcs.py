"""A GCS of a few lines for this room's own tests: it says yes, and can be stopped and started.

It keeps what it was asked. Polls and streams stay open until it stops.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.message import Message

from harness.wire import messages as m
from harness.wire.dialect import dialect
from harness.wire.rpc import handlers, method

QUIET = (
    "InternalKVGcsService.GetInternalConfig",
    "NodeInfoGcsService.UnregisterNode",
    "NodeInfoGcsService.GetAllNodeAddressAndLiveness",
    "JobInfoGcsService.GetAllJobInfo",
    "WorkerInfoGcsService.AddWorkerInfo",
    "WorkerInfoGcsService.ReportWorkerFailure",
    "ControlPlanePubSubGcsService.GcsSubscriberCommandBatch",
    "NodeInfoGcsService.RegisterNode",
)


class StubGcs:
    """One GCS on loopback. ``alive`` is what CheckAlive answers; ``repeats``: how many polls get again
    what they have acknowledged."""

    def __init__(self, port: int, cluster_id: bytes = b"c" * 28) -> None:
        self.address = f"127.0.0.1:{port}"
        self.cluster_id = cluster_id
        self.alive = True
        self.repeats = 0
        self.asked: list[tuple[str, Any]] = []
        self.views: queue.Queue[m.RaySyncMessage] = queue.Queue()
        self._server: grpc.Server | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Serve; again after :meth:`stop`, on the same port."""
        self._stopping = threading.Event()
        server = grpc.server(ThreadPoolExecutor(32), options=[("grpc.so_reuseport", 0)])
        quiet = {name: self._behaviour(name, method(name).reply()) for name in QUIET}
        cluster = m.GetClusterIdReply(cluster_id=self.cluster_id)
        behaviours = {
            **quiet,
            "NodeInfoGcsService.GetClusterId": self._behaviour("NodeInfoGcsService.GetClusterId", cluster),
            "NodeInfoGcsService.CheckAlive": self._check_alive,
            "ControlPlanePubSubGcsService.GcsSubscriberPoll": self._poll,
            "RaySyncer.StartSync": self._sync,
        }
        server.add_generic_rpc_handlers(tuple(handlers(dialect(), behaviours)))
        server.add_insecure_port(self.address)
        server.start()
        self._server = server

    def stop(self) -> None:
        """Go away at once."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop(0).wait()
            self._server = None

    def requests(self, name: str) -> list[Any]:
        """What was asked of ``Method``."""
        return [request for asked, request in self.asked if asked.endswith(f".{name}")]

    def _behaviour(self, name: str, reply: Message) -> Any:
        def behave(request: Message, _: object) -> Message:
            self.asked.append((name, request))
            return reply

        return behave

    def _check_alive(self, request: m.CheckAliveRequest, _: object) -> m.CheckAliveReply:
        return m.CheckAliveReply(raylet_alive=[self.alive for _ in request.node_ids])

    def _poll(self, request: m.GcsSubscriberPollRequest, _: object) -> m.GcsSubscriberPollReply:
        self.asked.append(("ControlPlanePubSubGcsService.GcsSubscriberPoll", request))
        if request.max_processed_sequence_id:
            if self.repeats:
                self.repeats -= 1
            else:
                self._stopping.wait(60)
        reply = m.GcsSubscriberPollReply(publisher_id=b"p" * 28)
        reply.pub_messages.add(channel_type=m.GCS_JOB_CHANNEL, key_id=b"k", sequence_id=9)
        reply.pub_messages[0].job_message.job_id = b"abcd"
        return reply

    def _sync(self, frames: Iterator[bytes], _: object) -> Iterator[bytes]:
        for frame in frames:
            for message in m.RaySyncMessageBatch.FromString(frame).messages:
                self.views.put(message)
        yield from ()
