"""A simulated raylet's calls to the GCS, which survive its absence as :mod:`harness.raylet.gcs_client`'s do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from harness.fuzz.sim.channel import Attempt

if TYPE_CHECKING:
    from harness.fuzz.sim.raylet import Raylet

CHECK_INTERVAL = 1.0
"""Seconds between two looks at a broken channel, at the most."""


class Calling:
    """One call, sent again whenever the GCS was not there for it."""

    def __init__(self, raylet: Raylet, name: str, request: Message, then: Callable[[Any], None]) -> None:
        self._raylet, self._name, self._request, self._then = raylet, name, request, then
        self._attempt: Attempt | None = None
        self._stopped = False

    def send(self) -> None:
        last = self._attempt.id if self._attempt is not None else None
        self._attempt = self._raylet.channel.send(self._name, self._request, self._ended, last)

    def stop(self) -> None:
        """Give it up."""
        self._stopped = True
        if self._attempt is not None and not self._attempt.ended:
            self._raylet.world.server.cancel(self._attempt)
            self._raylet.channel.fail(self._attempt, "CANCELLED", "the raylet gave it up")

    def _ended(self, reply: Any, status: str) -> None:
        raylet = self._raylet
        if raylet.gone or self._stopped:
            return
        if status in ("UNAVAILABLE", "UNKNOWN"):
            raylet.failed()
            if not raylet.gone:
                raylet.clock.after(self._pause(), self._look)
            return
        raylet.back()
        if reply is None:
            raylet.write("raylet", "refused", {"why": f"{self._name}: {status}"})
        else:
            self._then(reply)

    def _pause(self) -> float:
        """Until the next look at the channel."""
        return 0.05 + self._raylet.world.random.random() * CHECK_INTERVAL

    def _look_later(self) -> None:
        self._raylet.clock.after(self._pause(), self._look)

    def _look(self) -> None:
        raylet = self._raylet
        if raylet.gone or self._stopped:
            return
        if raylet.channel.cut:
            raylet.clock.after(CHECK_INTERVAL, self._look)
        elif raylet.world.server.open:
            raylet.back()
            self.send()
        else:
            raylet.world.server.ready.append(self._look_later)
