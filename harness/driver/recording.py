"""A client's calls in the history: each as it is sent, and as it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import grpc
from google.protobuf.message import Message

from harness.history.outcomes import Outcome, about, outcome
from harness.history.recorder import Recorder
from harness.wire import messages as m
from harness.wire.plain import plain


class Calls:
    """The calls of the client named ``who``. For a recorder that is on."""

    def __init__(self, recorder: Recorder, who: str) -> None:
        self._recorder, self._who = recorder, who
        self._open: dict[object, str] = {}

    @contextmanager
    def kept_open(self, method: str) -> Iterator[None]:
        """While a retrying client is at it, a call of ``method`` is outstanding, also between two sendings."""
        key = object()
        self._open[key] = method
        try:
            yield
        finally:
            del self._open[key]

    def outstanding(self) -> list[str]:
        """Methods of the calls that have not ended, but those that may rightly wait for the world."""
        return [method for method in list(self._open.values()) if not about(method).waits]

    def send(
        self,
        method: str,
        request: Message,
        deadline: float | None,
        more: Mapping[str, str],
        send: Callable[[], Any],
    ) -> Recorded:
        """Write the call down, ``send`` it, and give its future; what ``send`` raises ends the call.

        ``more``: its facts ``again``, ``claims`` and ``claimed``, as far as it has them.
        """
        bound = None if deadline is None else round(deadline, 3)
        facts: dict[str, Any] = {"request": plain(request), "deadline": bound, **more}
        case = self._recorder.case
        id = self._recorder.write("call", method, facts, self._who)
        self._open[id] = method
        try:
            future = send()
        except (ValueError, grpc.RpcError) as error:  # a closed channel, a message with no encoding
            self._end(id, method, Outcome.REFUSED, "", 0, f"not sent: {error}", time.monotonic())
            raise
        # An end in another case than the beginning's is nowhere: there the id is another call's.
        ending = _Ending(lambda at: self._note_end(id, method, request, future, at, case))
        future.add_done_callback(lambda _: ending.seen())
        return Recorded(id, future, ending)

    def _note_end(self, id: str, method: str, request: Message, future: Any, at: float, case: str) -> None:
        if case != self._recorder.case:
            self._open.pop(id, None)
            return
        grpc_status = future.code().name
        reply = future.result() if grpc_status == "OK" else None
        code, said = _ray_status(reply) if reply is not None else (0, future.details() or "")
        result = outcome(method, grpc_status, code, said)
        self._end(id, method, result, grpc_status, code, said, at, reply)
        if isinstance(reply, m.GcsSubscriberPollReply) and isinstance(request, m.GcsSubscriberPollRequest):
            self._note_messages(request, reply, at)

    def _end(
        self,
        id: str,
        method: str,
        result: Outcome,
        grpc_status: str,
        code: int,
        said: str,
        at: float,
        reply: Any = None,
    ) -> None:
        facts = {
            "call": id,
            "outcome": result.value,
            "grpc": grpc_status,
            "code": code,
            "said": said,
            "reply": _reply(reply),
        }
        self._recorder.write("return", method, facts, self._who, at)
        del self._open[id]

    def _note_messages(
        self, request: m.GcsSubscriberPollRequest, reply: m.GcsSubscriberPollReply, at: float
    ) -> None:
        """One event for each message; ``again`` where this very poll had said that it is processed."""
        same = request.publisher_id == reply.publisher_id
        processed = request.max_processed_sequence_id if same else 0
        for one in reply.pub_messages:
            kind = one.WhichOneof("inner_message") or ""
            facts: dict[str, Any] = {
                "publisher": reply.publisher_id.hex(),
                "sequence": one.sequence_id,
                "key": one.key_id.hex(),
                "type": kind,
                "payload": plain(getattr(one, kind)) if kind else {},
            }
            if one.sequence_id <= processed:
                facts["again"] = True
            self._recorder.write("message", _channel(one), facts, self._who, at)


class _Ending:
    """The end of one call, written once, by whoever sees it first; the others wait for it."""

    def __init__(self, write: Callable[[float], None]) -> None:
        self._write: Callable[[float], None] | None = write
        self._lock = threading.Lock()

    def seen(self) -> None:
        at = time.monotonic()
        with self._lock:
            write, self._write = self._write, None
            if write is not None:
                write(at)


class Recorded:
    """gRPC's future of a call. Whoever learns from it that the call has ended finds that written.

    gRPC wakes those who wait before it runs callbacks, so that a callback alone would come too late.
    """

    def __init__(self, id: str, future: Any, ending: _Ending) -> None:
        self.id = id
        """Of the call's event."""
        self._future, self._ending = future, ending

    def result(self, timeout: float | None = None) -> Any:
        """gRPC's: the reply, or what ended the call. FutureTimeoutError while it has not ended."""
        self._await(timeout)
        return self._future.result()

    def exception(self, timeout: float | None = None) -> Any:
        """gRPC's: what ended the call, None for a reply. FutureTimeoutError while it has not ended."""
        self._await(timeout)
        return self._future.exception()

    def done(self) -> bool:
        """gRPC's."""
        if not self._future.done():
            return False
        self._ending.seen()
        return True

    def _await(self, timeout: float | None) -> None:
        with suppress(grpc.FutureCancelledError):
            self._future.exception(timeout)
        self._ending.seen()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._future, name)

    def __del__(self) -> None:
        # As gRPC does with a future that nobody wants any more; ours is still known to its callback.
        if not self._future.done():
            self._future.cancel()


def _channel(message: m.PubMessage) -> str:
    known = m.ChannelType.DESCRIPTOR.values_by_number.get(message.channel_type)
    return str(known.name) if known else str(message.channel_type)


def _ray_status(reply: Message) -> tuple[int, str]:
    field = reply.DESCRIPTOR.fields_by_name.get("status")
    if field is None or field.message_type is None:
        return 0, ""
    status: m.GcsStatus = getattr(reply, field.name)
    return status.code, status.message


def _reply(reply: Message | None) -> dict[str, Any] | None:
    if isinstance(reply, m.GcsSubscriberPollReply):
        reply = m.GcsSubscriberPollReply(publisher_id=reply.publisher_id, status=reply.status)
    return plain(reply) if reply is not None else None
