"""A subscriber of one channel that keeps what it hears, in the order it hears it."""

from __future__ import annotations

import threading
from typing import Any

import grpc

from harness.driver.client import GcsClient
from harness.wire import ids
from harness.wire import messages as m

SERVICES = {
    "ACTOR": ("ControlPlanePubSubGcsService", m.GCS_ACTOR_CHANNEL),
    "JOB": ("ControlPlanePubSubGcsService", m.GCS_JOB_CHANNEL),
    "NODE_INFO": ("ControlPlanePubSubGcsService", m.GCS_NODE_INFO_CHANNEL),
    "WORKER_DELTA": ("ControlPlanePubSubGcsService", m.GCS_WORKER_DELTA_CHANNEL),
    "ERROR_INFO": ("ObservabilityPubSubService", m.RAY_ERROR_INFO_CHANNEL),
}


class Listener:
    """Subscribes to ``channel`` (a key of :data:`SERVICES`) through a client of its own.

    ``polling``: keep a long poll open in the background. ``acknowledge``: tell the publisher what
    has been processed, as Ray's subscriber does with every next poll.
    """

    def __init__(
        self, client: GcsClient, channel: str, polling: bool = True, acknowledge: bool = True
    ) -> None:
        self.service, self.channel = SERVICES[channel]
        self.subscriber_id = ids.unique_id()
        self.publisher_id = b""
        self.processed = 0
        self._client, self._acknowledge = client, acknowledge
        self._heard: list[tuple[bytes, m.PubMessage]] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.subscribe_again()
        if polling and acknowledge:
            threading.Thread(target=self._keep_polling, name="listener", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def subscribe_again(self, within: float = 10.0) -> None:
        """Send the subscription, as a subscriber must after every restart."""
        command = m.Command(channel_type=self.channel, subscribe_message=m.SubMessage())
        request = m.GcsSubscriberCommandBatchRequest(subscriber_id=self.subscriber_id, commands=[command])
        self._client.control(f"{self.service}.GcsSubscriberCommandBatch", request, within)

    def begin_poll(self, within: float | None = None) -> Any:
        """One long poll, as gRPC's future."""
        request = m.GcsSubscriberPollRequest(
            subscriber_id=self.subscriber_id,
            max_processed_sequence_id=self.processed,
            publisher_id=self.publisher_id,
        )
        return self._client.begin(f"{self.service}.GcsSubscriberPoll", request, within)

    def poll(self, within: float = 5.0) -> list[m.PubMessage]:
        """What one poll brings, within ``within`` seconds."""
        reply: m.GcsSubscriberPollReply = self.begin_poll(within).result()
        self._take(reply)
        return list(reply.pub_messages)

    def acknowledge_all(self) -> None:
        """Say with the next poll that all that was heard is processed."""
        self.processed = max((one.sequence_id for _, one in self._heard), default=self.processed)

    def messages(self) -> list[m.PubMessage]:
        """All that was heard, in order."""
        with self._lock:
            return [message for _, message in self._heard]

    def states(self, actor: bytes) -> list[int]:
        """The states of an actor in the order heard; ALIVE and later ones are told by key alone."""
        return [one.actor_message.state for one in self.messages() if one.key_id == actor]

    def heard(self, key: bytes) -> bool:
        """Whether any message was about ``key``."""
        return any(one.key_id == key for one in self.messages())

    def violations(self) -> list[str]:
        """Per publisher, sequence numbers only grow, and none comes twice."""
        found: list[str] = []
        last: dict[bytes, int] = {}
        with self._lock:
            heard = list(self._heard)
        for publisher, one in heard:
            if one.sequence_id <= last.get(publisher, 0):
                found.append(f"publisher {publisher.hex()[:8]}: {one.sequence_id} after {last[publisher]}")
            last[publisher] = one.sequence_id
        return found

    def _take(self, reply: m.GcsSubscriberPollReply) -> None:
        with self._lock:
            if reply.publisher_id != self.publisher_id:
                self.publisher_id, self.processed = reply.publisher_id, 0
            self._heard += [(reply.publisher_id, one) for one in reply.pub_messages]
            if self._acknowledge:
                numbers = [one.sequence_id for one in reply.pub_messages]
                self.processed = max([self.processed, *numbers])

    def _keep_polling(self) -> None:
        while not self._closed.is_set():
            try:
                self._take(self.begin_poll(within=2.0).result())
            except grpc.RpcError:
                # The poll's own deadline, or an absent GCS: ask again, a little later.
                self._closed.wait(0.02)
            except (ValueError, grpc.FutureCancelledError):
                return  # the channel was closed under us: the cluster ends
