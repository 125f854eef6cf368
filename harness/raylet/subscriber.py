"""A raylet's subscription to the GCS: commands, the long poll, and what came of it.

Contract, section 6: a poll acknowledges by sequence id; a new publisher starts again at zero; a
restart forgets subscriptions, so all commands are sent again before the tables are re-read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from harness.raylet.gcs_client import GcsClient, GcsRefused, cancelled
from harness.raylet.orders import Journal
from harness.raylet.skim import skim
from harness.wire import ids
from harness.wire import messages as m

SERVICE = "ControlPlanePubSubGcsService"
SEQUENCE_FIELD = m.PubMessage.DESCRIPTOR.fields_by_name["sequence_id"].number
REFUSED_PAUSE_S = 1.0
"""Ray polls on in a hot loop after a refusal; that is its defect, not a duty to copy."""


class Subscriber:
    """One subscriber of control-plane channels, without keys. Without ``on_message`` it only counts."""

    def __init__(
        self,
        gcs: GcsClient,
        node_id: bytes,
        messages: Journal,
        on_message: Callable[[m.PubMessage], None] | None,
    ) -> None:
        self.subscriber_id = ids.unique_id()
        self.publisher_id = b""
        self._gcs = gcs
        self._node_id = node_id
        self._messages = messages
        self._on_message = on_message
        self._channels: list[int] = []
        self._processed = 0
        self._polling: asyncio.Task[None] | None = None

    async def subscribe(self, *channels: str) -> None:
        """Subscribe to all of these channels, e.g. ``GCS_JOB_CHANNEL``, and remember them."""
        numbers = [m.ChannelType.Value(name) for name in channels]
        self._channels += [number for number in numbers if number not in self._channels]
        await self._command(numbers)

    async def again(self) -> None:
        """Send all commands again and poll anew: what a GCS restart asks for."""
        await self.stop()
        await self._command(self._channels)
        self.poll()

    def poll(self) -> None:
        """Start the long poll, if it does not run."""
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll_on())

    async def stop(self) -> None:
        """End the long poll."""
        polling, self._polling = self._polling, None
        await cancelled(polling)

    async def _command(self, numbers: list[int]) -> None:
        commands = [m.Command(channel_type=n, subscribe_message=m.SubMessage()) for n in numbers]  # type: ignore[arg-type]
        request = m.GcsSubscriberCommandBatchRequest(
            subscriber_id=self.subscriber_id, commands=commands, sender_id=self._node_id
        )
        await self._gcs.call(f"{SERVICE}.GcsSubscriberCommandBatch", request)

    async def _poll_on(self) -> None:
        while True:
            request = m.GcsSubscriberPollRequest(
                subscriber_id=self.subscriber_id,
                max_processed_sequence_id=self._processed,
                publisher_id=self.publisher_id,
            )
            data = self._gcs.link.dialect.encode(request)
            try:
                reply = await self._gcs.call_raw(f"{SERVICE}.GcsSubscriberPoll", data)
            except GcsRefused:
                await asyncio.sleep(REFUSED_PAUSE_S)
                continue
            self._take(reply)

    def _count(self, data: bytes) -> None:
        numbers = self._gcs.link.dialect.fields.get("PubMessage", {})
        reply = skim(data, numbers.get("sequence_id") or SEQUENCE_FIELD)
        if reply.publisher_id != self.publisher_id:
            self.publisher_id, self._processed = reply.publisher_id, 0
        self._processed = max(self._processed, reply.last_sequence_id)
        self._messages.tally("any channel", reply.messages)

    def _take(self, data: bytes) -> None:
        if self._on_message is None:
            self._count(data)
            return
        reply = self._gcs.link.dialect.decode(m.GcsSubscriberPollReply, data)
        if reply.publisher_id != self.publisher_id:
            self.publisher_id, self._processed = reply.publisher_id, 0
        acknowledged = self._processed
        for message in reply.pub_messages:
            self._gcs.scribe.message(self.publisher_id, message, message.sequence_id <= acknowledged)
            if message.sequence_id <= self._processed:
                continue  # a redelivery of what we have already taken
            self._processed = message.sequence_id
            self._messages.write(
                m.ChannelType.Name(message.channel_type),
                publisher_id=self.publisher_id,
                sequence_id=message.sequence_id,
                key_id=message.key_id,
                data=message.SerializeToString(),
            )
            self._on_message(message)


def readable(record: dict[str, Any]) -> dict[str, Any]:
    """A recorded message with its payload decoded: ``summary`` in place of ``data``."""
    message = m.PubMessage.FromString(record["data"])
    which = message.WhichOneof("inner_message")
    summary: dict[str, Any] = {}
    if which is not None:
        inner = getattr(message, which)
        for one in inner.DESCRIPTOR.fields:
            value = getattr(inner, one.name)
            if one.is_repeated or one.message_type is not None:
                continue
            if value or one.name in ("state", "is_dead"):
                summary[one.name] = one.enum_type.values_by_number[value].name if one.enum_type else value
    return {
        **{key: value for key, value in record.items() if key != "data"},
        "type": which,
        "summary": summary,
    }
