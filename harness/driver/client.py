"""Calls to a GCS, as they are, and as Ray's client makes them.

:meth:`GcsClient.call` sends once and shows the bare gRPC status. :meth:`GcsClient.control` does
what Ray's retryable client does (``src/ray/rpc/retryable_grpc_client.cc``): a call that meets an
absent GCS parks, and goes out again, the same bytes, when the GCS is back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message

from harness.check.identity import ANOTHER_CLUSTER, ANOTHER_TOKEN, NO_TOKEN
from harness.driver.recording import Calls, Recorded
from harness.history.recorder import Recorder
from harness.wire import ids
from harness.wire import messages as m
from harness.wire.dialect import Dialect
from harness.wire.rpc import MAX_MESSAGE_BYTES, cluster_metadata, method, multicallable

# Ray's own are 100, 1000 and 2000 ms (ray_config_def.h: gcs_grpc_*_reconnect_backoff_ms). A
# scenario that does not study the backoff itself wants to be back sooner.
QUICK_BACKOFF: Mapping[str, int] = {
    "grpc.initial_reconnect_backoff_ms": 10,
    "grpc.min_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 50,
}


@dataclass
class Attempt:
    """One sending of a control call: monotonic seconds, and the gRPC status that ended it."""

    sent: float
    ended: float | None = None
    code: grpc.StatusCode | None = None


class Refused(AssertionError):
    """The GCS answered, and the answer is a Ray error: ``code`` and ``message`` of its status."""

    def __init__(self, name: str, status: m.GcsStatus) -> None:
        super().__init__(f"{name}: refused with code {status.code}: {status.message}")
        self.code = status.code
        self.message = status.message


@dataclass
class GcsClient:
    """A channel to the GCS at ``target`` (a gRPC target: ``127.0.0.5:10001``, ``dns://…``).

    Its calls go into the history of ``recorder``, as those of ``name``.
    """

    target: str
    dialect: Dialect
    options: Mapping[str, Any] = field(default_factory=lambda: QUICK_BACKOFF)
    cluster_id: bytes | None = None
    recorder: Recorder = field(default_factory=Recorder)
    name: str = "client"
    wanted_token: str | None = None
    """The token that its GCS wants of every caller; None: none, as far as is known."""

    def __post_init__(self) -> None:
        # Without a pool of its own, gRPC would hand this channel the connection, and so the
        # backoff clock, of another channel to the same address.
        sizes = {
            "grpc.use_local_subchannel_pool": 1,
            "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
            "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
        }
        self.channel = grpc.insecure_channel(self.target, options=[*sizes.items(), *self.options.items()])
        self.sent = 0
        """How many requests this client has handed to its channel."""
        self._calls = Calls(self.recorder, self.name)
        self._callables: dict[str, Any] = {}
        self._repeats: set[Any] = set()
        self._lock = threading.Lock()

    def close(self) -> None:
        self.channel.close()

    def outstanding(self) -> list[str]:
        """Methods of its recorded calls that have not ended, but those that may rightly take long."""
        return self._calls.outstanding()

    def learn_cluster_id(self, within: float = 10.0) -> bytes:
        """Ask for the cluster id, without the header, and send it along from then on."""
        self.cluster_id = self.ask_cluster_id(within)
        return self.cluster_id

    def ask_cluster_id(self, within: float = 10.0) -> bytes:
        """The cluster id that the GCS gives now, whichever one this client learnt."""
        reply = self.control("GetClusterId", m.GetClusterIdRequest(), within, cluster_id=None)
        return bytes(reply.cluster_id)

    def call(
        self,
        name: str,
        request: Message,
        within: float = 5.0,
        cluster_id: bytes | str | None = "own",
        wait_for_ready: bool = False,
        token: str | None = None,
    ) -> Any:
        """Send once; the reply, or grpc.RpcError with the bare status.

        ``cluster_id``: bytes to claim, None for no header, ``'own'`` for the learnt one.
        ``token``: a bearer token, for a GCS in token mode.
        """
        return self.begin(name, request, within, cluster_id, wait_for_ready, token).result()

    def begin(
        self,
        name: str,
        request: Message,
        within: float | None = 5.0,
        cluster_id: bytes | str | None = "own",
        wait_for_ready: bool = False,
        token: str | None = None,
        again: str | None = None,
    ) -> Any:
        """Send once, and give gRPC's future. ``within`` None: without a deadline.

        ``again``: the ``id`` of the recorded future with which a client sent the same request before.
        """
        return self._send(name, request, within, cluster_id, wait_for_ready, token, again)

    def _send(
        self,
        name: str,
        request: Message,
        within: float | None,
        cluster_id: bytes | str | None,
        wait_for_ready: bool,
        token: str | None = None,
        again: str | None = None,
    ) -> Any:
        """``again``: the id of the call that had sent the same request before."""
        claimed = self.cluster_id if isinstance(cluster_id, str) else cluster_id
        bearer = (("authorization", f"Bearer {token}"),) if token is not None else ()

        def send() -> Any:
            return self._multicallable(name).future(
                request,
                timeout=within,
                metadata=(*cluster_metadata(claimed), *bearer),
                wait_for_ready=wait_for_ready,
            )

        if self.recorder.on:
            more = {"again": again} if again is not None else {}
            more |= self._claims(method(name).name, cluster_id, token)
            future: Any = self._calls.send(method(name).name, request, within, more, send)
        else:
            future = send()
        self.sent += 1
        return future

    def _claims(self, name: str, cluster_id: bytes | str | None, token: str | None) -> dict[str, str]:
        """What a call says of its caller that it should not, as facts of its event; none for an honest one."""
        if self.wanted_token is not None and token != self.wanted_token:
            return {"claims": NO_TOKEN if token is None else ANOTHER_TOKEN}
        if not isinstance(cluster_id, bytes) or cluster_id in (ids.NIL_CLUSTER, self.cluster_id):
            return {}
        # Who asks for the cluster id may not know it.
        return {"claims": ANOTHER_CLUSTER, "claimed": cluster_id.hex()} if name != "GetClusterId" else {}

    def control(
        self,
        name: str,
        request: Message,
        within: float = 30.0,
        attempts: list[Attempt] | None = None,
        cluster_id: bytes | str | None = "own",
    ) -> Any:
        """Send as Ray's client does: parked while the GCS is away, sent again when it is back.

        grpc.RpcError for every status but UNAVAILABLE, DEADLINE_EXCEEDED after ``within`` seconds.
        """
        with self._calls.kept_open(method(name).name):
            return self._retried(name, request, within, attempts if attempts is not None else [], cluster_id)

    def begin_control(
        self, name: str, request: Message, within: float = 30.0, times: int = 1
    ) -> Callable[[], Any]:
        """Send now, ``times`` at once, and give what sees the first of them through as :meth:`control` does.

        What was sent first is sent first also where many threads see calls through.
        """
        future = self._send(name, request, within, "own", False)
        again = future.id if isinstance(future, Recorded) else None
        for _ in range(times - 1):
            # gRPC cancels a call that nobody holds on to.
            repeat = self._send(name, request, within, "own", False, again=again)
            self._repeats.add(repeat)
            repeat.add_done_callback(lambda _ended, repeat=repeat: self._repeats.discard(repeat))

        def see_through() -> Any:
            with self._calls.kept_open(method(name).name):
                return self._retried(name, request, within, [], "own", future)

        return see_through

    def _retried(
        self,
        name: str,
        request: Message,
        within: float,
        attempts: list[Attempt],
        cluster_id: bytes | str | None,
        sent: Any = None,
    ) -> Any:
        """``sent``: the future of the first sending, where that was made already."""
        end = time.monotonic() + within
        parked, last = False, None
        while True:
            attempt = Attempt(sent=time.monotonic())
            attempts.append(attempt)
            try:
                left = max(0.01, end - time.monotonic())
                future = sent or self._send(name, request, left, cluster_id, parked, again=last)
                sent, last = None, future.id if isinstance(future, Recorded) else None
                reply = future.result()
                attempt.ended, attempt.code = time.monotonic(), grpc.StatusCode.OK
                return reply
            except grpc.RpcError as error:
                attempt.ended, attempt.code = time.monotonic(), error.code()
                if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() >= end:
                    raise
                parked = True

    def checked(self, name: str, request: Message, within: float = 30.0) -> Any:
        """:meth:`control`, and :class:`Refused` unless the reply's status is OK."""
        reply = self.control(name, request, within)
        if reply.status.code:
            raise Refused(name, reply.status)
        return reply

    def _multicallable(self, name: str) -> Any:
        with self._lock:
            if name not in self._callables:
                self._callables[name] = multicallable(self.channel, method(name).full_name, self.dialect)
            return self._callables[name]
