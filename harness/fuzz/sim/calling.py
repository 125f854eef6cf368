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


class Parking:
    """The calls of one raylet that found no GCS: when a look finds its channel ready, all go out again."""

    def __init__(self, raylet: Raylet) -> None:
        self._raylet = raylet
        self._parked: list[Calling] = []

    def park(self, calling: Calling) -> None:
        self._parked.append(calling)
        if len(self._parked) == 1:
            self._look_later()

    def _look_later(self) -> None:
        pause = 0.05 + self._raylet.world.random.random() * CHECK_INTERVAL
        self._raylet.clock.after(pause, self._look)

    def _look(self) -> None:
        raylet = self._raylet
        if raylet.gone:
            return
        if raylet.channel.cut:
            raylet.clock.after(CHECK_INTERVAL, self._look)
        elif not raylet.world.server.open:
            raylet.world.server.ready.append(self._look_later)
        else:
            raylet.back()
            parked, self._parked = self._parked, []
            for one in parked:
                one.send()


class Calling:
    """One call, sent again whenever the GCS was not there for it. ``over``: it was answered, or given up."""

    def __init__(self, raylet: Raylet, name: str, request: Message, then: Callable[[Any], None]) -> None:
        self._raylet, self._name, self._request, self._then = raylet, name, request, then
        self._attempt: Attempt | None = None
        self.over = False

    def send(self) -> None:
        if not self.over:
            last = self._attempt.id if self._attempt is not None else None
            self._attempt = self._raylet.channel.send(self._name, self._request, self._ended, last)

    def stop(self) -> None:
        """Give it up."""
        self.over = True
        if self._attempt is not None and not self._attempt.ended:
            self._raylet.world.server.cancel(self._attempt)
            self._raylet.channel.fail(self._attempt, "CANCELLED", "the raylet gave it up")

    def _ended(self, reply: Any, status: str) -> None:
        raylet = self._raylet
        if raylet.gone or self.over:
            return
        if status in ("UNAVAILABLE", "UNKNOWN"):
            raylet.failed()
            if not raylet.gone:
                raylet.parking.park(self)
            return
        self.over = True
        raylet.back()
        if reply is None:
            raylet.write("raylet", "refused", {"why": f"{self._name}: {status}"})
        else:
            self._then(reply)
