"""One publisher's memory: its subscribers and their mailboxes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from harness.wire import messages as m


@dataclass
class Subscriber:
    """Who wants what, what waits for them, and the long poll that stands open."""

    sender_id: bytes
    seen: float
    channels: set[int] = field(default_factory=set)
    keys: set[tuple[int, bytes]] = field(default_factory=set)
    mailbox: deque[m.PubMessage] = field(default_factory=deque)
    poll: int | None = None

    def wants(self, message: m.PubMessage) -> bool:
        return (
            message.channel_type in self.channels
            or (
                message.channel_type,
                message.key_id,
            )
            in self.keys
        )


@dataclass
class Publisher:
    """``channels`` it may carry; ``sequence`` of the last message it published."""

    publisher_id: bytes
    channels: frozenset[int]
    sequence: int = 0
    subscribers: dict[bytes, Subscriber] = field(default_factory=dict)
