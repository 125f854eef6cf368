"""A simulated client: it asks what the plan says, parks while the GCS is away, and never gives up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from harness.fuzz.asking import Ask, poll, subscription
from harness.fuzz.names import made_up
from harness.fuzz.operations import Subscribe
from harness.fuzz.sim.channel import Channel
from harness.fuzz.sim.record import has_status
from harness.wire import ids
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.fuzz.sim.world import World

SECOND_POLL = 0.05
"""Seconds from a listener's first poll to a second one beside it."""
Then = Callable[[Any, str], None]


class Client:
    """``name``: who it is in the record."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.channel = Channel(world.network, world.record, world.server, name)

    def connect(self) -> None:
        """Learn the cluster's id."""
        self.control("NodeInfoGcsService.GetClusterId", m.GetClusterIdRequest(), self._know)

    def _know(self, reply: Any, _status: str) -> None:
        if reply is not None:
            self.channel.cluster_id = reply.cluster_id.hex()

    def ask(
        self, asks: Sequence[Ask], times: int, tag: int, answered: Callable[[], None] = lambda: None
    ) -> None:
        """Make the calls one after the other, as long as they are acknowledged; each ``times`` times at once.

        ``times`` 0: once, and never again while it is under way. ``answered``: called when the first answer is there.
        """
        if not asks:
            return
        (name, request), *rest = asks

        def ended(reply: Any, _status: str) -> None:
            if reply is not None:
                answered()
            if reply is not None and not _code(reply):
                self.world.acknowledged(name, request)
                self.ask(rest, times, tag)

        first = self.control(name, request, ended, tag)
        network = self.world.network
        if times and network.duplicates():
            times += 1
        for _ in range(times - 1):
            self.world.reached("a request is sent twice at once")
            self.channel.send(name, request, _ignore, again=first, tag=tag)

    def control(self, name: str, request: Message, then: Then, tag: int = 0, again: str | None = None) -> str:
        """Send, and send again while the answer is UNAVAILABLE; the id of the first sending."""

        def ended(reply: Any, status: str) -> None:
            if status == "UNAVAILABLE":
                self.world.reached("a call outlives a GCS or its connection")
                self.control(name, request, then, tag, attempt.id)
            else:
                then(reply, status)

        attempt = self.channel.send(name, request, ended, again, ready=again is not None, tag=tag)
        return attempt.id


class Listener:
    """A subscriber of its own client, which subscribes again whenever its connection broke."""

    def __init__(self, client: Client, what: Subscribe, number: int) -> None:
        self._client, self._what = client, what
        self._id = made_up("listener", number, ids.UNIQUE)
        self._publisher, self._processed = b"", 0
        self._round = 0
        """The number of the last poll: what became of those before is of no consequence."""

    def subscribe(self) -> None:
        name, request = subscription(self._what, self._id)
        self._client.control(name, request, self._subscribed)

    def _subscribed(self, reply: Any, _status: str) -> None:
        if reply is None:
            return
        self._poll()
        if self._what.twice:
            self._client.world.clock.after(SECOND_POLL, self._poll)

    def _poll(self) -> None:
        name, request = poll(self._what, self._id, self._publisher, self._processed)
        self._round += 1
        self._client.channel.send(name, request, partial(self._polled, self._round))

    def _polled(self, number: int, reply: m.GcsSubscriberPollReply | None, status: str) -> None:
        if number != self._round:
            return
        if reply is None:
            if status == "UNAVAILABLE":
                self.subscribe()
            return
        if reply.publisher_id != self._publisher:
            self._publisher, self._processed = reply.publisher_id, 0
        self._processed = max([self._processed, *(one.sequence_id for one in reply.pub_messages)])
        self._poll()


def _code(reply: Any) -> int:
    return int(reply.status.code) if has_status(reply) else 0


def _ignore(_reply: Any, _status: str) -> None:
    """The first sending is the one that counts."""
