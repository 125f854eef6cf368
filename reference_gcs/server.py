"""The gRPC port: turns calls into events, and the core's answers into replies."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message

from harness.wire import messages as m
from harness.wire import rpc
from harness.wire.dialect import Dialect
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev
from reference_gcs.core.serving import SERVED
from reference_gcs.feeding import Feed
from reference_gcs.syncer import Syncer

OPTIONS = (
    ("grpc.max_send_message_length", rpc.MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", rpc.MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 10000),
    ("grpc.keepalive_timeout_ms", 20000),
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A restart brings every parked call of every client at once: none of them may be turned away.
    ("grpc.server.max_pending_requests", 1_000_000),
    ("grpc.server.max_pending_requests_hard_limit", 2_000_000),
)
# Asked by real raylets, drivers and dashboards, which are content with an empty reply (contract, 11.1).
EMPTY_REPLIES = (
    "/ray.rpc.TaskInfoGcsService/AddTaskEventData",
    "/ray.rpc.TaskInfoGcsService/GetTaskEvents",
    "/ray.rpc.RuntimeEnvGcsService/PinRuntimeEnvURI",
    "/ray.rpc.autoscaler.AutoscalerStateService/GetClusterResourceState",
    "/ray.rpc.autoscaler.AutoscalerStateService/ReportAutoscalingState",
    "/ray.rpc.autoscaler.AutoscalerStateService/ReportClusterConfig",
    "/ray.rpc.autoscaler.AutoscalerStateService/RequestClusterResourceConstraint",
    "/ray.rpc.autoscaler.AutoscalerStateService/GetClusterStatus",
)


class Refused(Exception):
    """A call ends with a gRPC status instead of a reply."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.code = grpc.StatusCode[code]
        self.details = details


class Server(grpc.GenericRpcHandler):
    """Serves what the core serves. The port opens with :meth:`open`, not before."""

    def __init__(self, dialect: Dialect, feed: Feed) -> None:
        self._dialect = dialect
        self._feed = feed
        self._pending: dict[int, asyncio.Future[bytes]] = {}
        self._next = 0
        self._server: grpc.aio.Server | None = None
        self.syncer = Syncer(dialect, feed)
        self._handlers = {rpc.method(name).path(dialect): self._unary(rpc.method(name)) for name in SERVED}
        for path in EMPTY_REPLIES:
            self._handlers[path] = grpc.unary_unary_rpc_method_handler(_empty_reply)
        health = rpc.method("Health.Check").path(dialect)
        self._handlers[health] = grpc.unary_unary_rpc_method_handler(_health)
        sync = rpc.method("RaySyncer.StartSync").path(dialect)
        self._handlers[sync] = grpc.stream_stream_rpc_method_handler(self.syncer.serve)

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)

    async def open(self, ip: str, port: int) -> int:
        """Bind exactly ``ip``:``port`` (0: any) and serve; the port. RuntimeError when it is taken."""
        self._server = grpc.aio.server(options=OPTIONS)
        self._server.add_generic_rpc_handlers((self,))
        bound = self._server.add_insecure_port(f"{ip}:{port}")
        await self._server.start()
        return bound

    async def close(self) -> None:
        """End every call UNAVAILABLE, then stop."""
        for future in self._pending.values():
            if not future.done():
                future.set_exception(Refused("UNAVAILABLE", "Cancelling all calls"))
        self.syncer.close_all()
        if self._server is not None:
            await self._server.stop(0.5)

    def reply(self, effect: fx.Reply) -> None:
        self._settle(effect.call, effect.message)

    def reject(self, effect: fx.Reject) -> None:
        self._settle(effect.call, Refused(effect.code, effect.details))

    def _settle(self, call: int, outcome: Message | Refused) -> None:
        future = self._pending.get(call)
        if future is None or future.done():
            return  # the caller hung up
        if isinstance(outcome, Refused):
            future.set_exception(outcome)
        else:
            future.set_result(self._dialect.encode(outcome))

    def _unary(self, method: rpc.Method) -> Any:
        name, kind = method.full_name, method.request

        async def serve(body: bytes, context: Any) -> bytes:
            try:
                message = self._dialect.decode(kind, body)
            except DecodeError:
                await context.abort(grpc.StatusCode.INTERNAL, "Unable to parse request")
            headers = dict(context.invocation_metadata())
            cluster_id, authorization = headers.get(rpc.CLUSTER_ID_HEADER), headers.get("authorization")
            self._next += 1
            call = self._next
            future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._pending[call] = future
            try:
                self._feed(ev.Request(call, name, message, cluster_id, authorization))
                return await future
            except Refused as refused:
                await context.abort(refused.code, refused.details)
                raise AssertionError("abort does not return") from refused
            except asyncio.CancelledError:
                self._feed(ev.RequestCancelled(call))
                raise
            finally:
                del self._pending[call]

        return grpc.unary_unary_rpc_method_handler(serve)


async def _empty_reply(_body: bytes, _context: Any) -> bytes:
    return b""


async def _health(body: bytes, context: Any) -> bytes:
    """grpc.health.v1: only the server as a whole, named by the empty string, is known."""
    try:
        request = m.HealthCheckRequest.FromString(body)
    except DecodeError:
        await context.abort(grpc.StatusCode.INTERNAL, "Unable to parse request")
    if request.service:
        await context.abort(grpc.StatusCode.NOT_FOUND, "")
    return m.HealthCheckResponse(status=m.HealthCheckResponse.SERVING).SerializeToString()
