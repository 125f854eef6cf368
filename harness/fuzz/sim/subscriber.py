"""A subscriber in virtual time: commands, the long poll, and both again after a restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from google.protobuf.message import Message

from harness.fuzz.names import made_up
from harness.wire import ids
from harness.wire import messages as m

SERVICE = "ControlPlanePubSubGcsService"


class Calling(Protocol):
    """A call that is repeated until it is answered, or stopped."""

    def stop(self) -> None: ...


Call = Callable[[str, Message, Callable[[Any], None]], Calling]


class Subscriber:
    """A raylet's: whole channels, one poll at a time."""

    def __init__(self, call: Call, node_id: bytes, on_message: Callable[[m.PubMessage], None]) -> None:
        self._id = made_up(f"subscriber {node_id.hex()}", 0, ids.UNIQUE)
        self._call, self._node_id, self._on_message = call, node_id, on_message
        self._channels: list[int] = []
        self._publisher = b""
        self._processed = 0
        self._round = 0
        self._calling: Calling | None = None
        """The commands, or the poll that followed them."""

    def subscribe(self, *channels: int) -> None:
        self._channels = list(channels)
        self.again()

    def again(self) -> None:
        """Send all commands, and poll anew."""
        if self._calling is not None:
            self._calling.stop()
        self._round += 1
        number = self._round
        commands = [m.Command(channel_type=one, subscribe_message=m.SubMessage()) for one in self._channels]  # type: ignore[arg-type]
        request = m.GcsSubscriberCommandBatchRequest(
            subscriber_id=self._id, commands=commands, sender_id=self._node_id
        )
        self._calling = self._call(
            f"{SERVICE}.GcsSubscriberCommandBatch", request, lambda _reply: self._poll(number)
        )

    def _poll(self, number: int) -> None:
        if number != self._round:
            return
        request = m.GcsSubscriberPollRequest(
            subscriber_id=self._id, max_processed_sequence_id=self._processed, publisher_id=self._publisher
        )
        self._calling = self._call(
            f"{SERVICE}.GcsSubscriberPoll", request, lambda reply: self._take(number, reply)
        )

    def _take(self, number: int, reply: m.GcsSubscriberPollReply) -> None:
        if number != self._round:
            return
        if reply.publisher_id != self._publisher:
            self._publisher, self._processed = reply.publisher_id, 0
        for one in reply.pub_messages:
            if one.sequence_id > self._processed:
                self._processed = one.sequence_id
                self._on_message(one)
        self._poll(number)
