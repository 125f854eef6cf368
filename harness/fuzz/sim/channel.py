"""Calls to a simulated GCS: each is sent once, recorded as real ones are, and ends once."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from harness.fuzz.asking import found
from harness.fuzz.plan import Weather
from harness.fuzz.sim.clock import Clock, Entry
from harness.fuzz.sim.record import Record
from harness.history.outcomes import about
from harness.wire import messages as m
from harness.wire import rpc

if TYPE_CHECKING:
    from harness.fuzz.sim.server import Server

SHORTEST = 0.0003
"""Seconds that a message travels, at the least."""
RESET = 0.05
"""Seconds after which a caller learns that its message was lost."""
Done = Callable[[Any, str], None]
"""What to do at the end of a call: its reply or None, and the name of its gRPC status."""


class Attempt:
    """One sending of a request. ``ready``: it waits for a GCS that serves. ``tag``: the plan's step it is part of."""

    __slots__ = ("channel", "deadline", "done", "ended", "id", "message", "method", "number", "ready", "tag")

    def __init__(
        self, channel: Channel, method: rpc.Method, message: Message, done: Done, tag: int, ready: bool
    ) -> None:
        self.channel, self.method, self.message = channel, method, message
        self.done, self.tag, self.ready = done, tag, ready
        self.id = ""
        self.ended = False
        self.number = 0
        self.deadline: Entry | None = None


class Network:
    """How long messages take, and which are lost."""

    def __init__(self, clock: Clock, random: Random, weather: Weather) -> None:
        self.clock, self.random = clock, random
        self._delay, self._loss, self._duplication = weather.delay, weather.loss, weather.duplication

    def travel(self) -> float:
        """Seconds of one message's way; later ones may be faster."""
        return SHORTEST + self.random.random() * self._delay if self._delay else SHORTEST

    def loses(self) -> bool:
        return self._loss > 0 and self.random.random() < self._loss

    def duplicates(self) -> bool:
        return self._duplication > 0 and self.random.random() < self._duplication

    def clear_up(self) -> None:
        """Nothing is lost or sent twice any more."""
        self._loss = self._duplication = 0.0


class Channel:
    """What one client or raylet sends to the GCS. ``cut``: nothing comes through."""

    def __init__(self, network: Network, record: Record, server: Server, who: str) -> None:
        self.network, self.record, self.server, self.who = network, record, server, who
        self.cluster_id: str | None = None
        self.token = server.token
        self.claims = ""
        """What it has no right to, if anything: :data:`harness.fuzz.operations.CLAIMS`."""
        self.cut = False
        self.open: dict[str, Attempt] = {}
        """By the id of its event: calls that have not ended."""

    def send(
        self,
        name: str,
        message: Message,
        done: Done,
        again: str | None = None,
        ready: bool = False,
        deadline: float | None = None,
        tag: int = 0,
    ) -> Attempt:
        """Send ``message``, which must not change afterwards; ``again``: the id of its last sending."""
        attempt = Attempt(self, found(name), message, done, tag, ready)
        facts: dict[str, Any] = {"request": message, "deadline": deadline}
        if again is not None:
            facts["again"] = again
        if self.claims:
            facts["claims"] = self.claims
        attempt.id = self.record.write("call", attempt.method.name, facts, self.who)
        self.open[attempt.id] = attempt
        clock = self.network.clock
        if deadline is not None:
            attempt.deadline = clock.after(deadline, self._expire, attempt)
        if self.cut or (self.network.loses() and not ready):
            clock.after(RESET, self.fail, attempt, "UNAVAILABLE", "connection reset by peer")
        else:
            clock.after(self.network.travel(), self.server.receive, attempt)
        return attempt

    @property
    def authorization(self) -> str | None:
        """The header that carries the token."""
        return None if self.token is None else f"Bearer {self.token}"

    def answer(self, attempt: Attempt, reply: Message) -> None:
        """The GCS has replied: the reply travels, or is lost."""
        if self.cut or self.network.loses():
            self.network.clock.after(RESET, self.fail, attempt, "UNAVAILABLE", "connection reset by peer")
        else:
            self.network.clock.after(self.network.travel(), self._end, attempt, "OK", "", reply)

    def fail_soon(self, attempt: Attempt, status: str, said: str) -> None:
        self.network.clock.after(self.network.travel(), self.fail, attempt, status, said)

    def fail(self, attempt: Attempt, status: str, said: str) -> None:
        self._end(attempt, status, said, None)

    def drop(self) -> None:
        """The caller is gone, and gives up all its calls."""
        for attempt in list(self.open.values()):
            self.server.cancel(attempt)
            self.fail(attempt, "CANCELLED", "the caller is gone")

    def reset(self) -> None:
        """The connection breaks: all that is on its way fails for the caller."""
        for attempt in list(self.open.values()):
            if attempt.number:
                self.server.cancel(attempt)
                self.fail_soon(attempt, "UNAVAILABLE", "connection reset by peer")

    def outstanding(self) -> bool:
        """Whether a call is open that must not wait for the world."""
        return any(not about(one.method.name).waits for one in self.open.values())

    def _expire(self, attempt: Attempt) -> None:
        self.server.cancel(attempt)
        self._end(attempt, "DEADLINE_EXCEEDED", "Deadline Exceeded", None)

    def _end(self, attempt: Attempt, status: str, said: str, reply: Message | None) -> None:
        if attempt.ended:
            return
        attempt.ended = True
        self.network.clock.cancel(attempt.deadline)
        del self.open[attempt.id]
        facts = {"call": attempt.id, "grpc": status, "said": said, "reply": reply}
        self.record.write("return", attempt.method.name, facts, self.who)
        if isinstance(reply, m.GcsSubscriberPollReply):
            self._note_messages(attempt.message, reply)
        done, attempt.done = attempt.done, _over
        done(reply, status)

    def _note_messages(self, request: Any, reply: m.GcsSubscriberPollReply) -> None:
        same = request.publisher_id == reply.publisher_id
        processed = request.max_processed_sequence_id if same else 0
        for one in reply.pub_messages:
            kind = one.WhichOneof("inner_message") or ""
            facts: dict[str, Any] = {
                "publisher": reply.publisher_id,
                "sequence": one.sequence_id,
                "key": one.key_id,
                "type": kind,
                "payload": getattr(one, kind) if kind else {},
            }
            if one.sequence_id <= processed:
                facts["again"] = True
            self.record.write("message", m.ChannelType.Name(one.channel_type), facts, self.who)


def _over(_reply: Any, _status: str) -> None:
    """What an ended attempt still holds: often it was held by what it called at its end."""
