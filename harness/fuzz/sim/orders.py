"""A call from a simulated GCS to a raylet, worker or driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from harness.fuzz.sim.channel import RESET
from harness.fuzz.sim.clock import Entry
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev

if TYPE_CHECKING:
    from harness.fuzz.sim.server import Server


class Order:
    """``effect``: what the GCS asked for. ``gone``: nobody waits for its answer any more."""

    __slots__ = ("effect", "gone", "life", "on_gone", "over", "server", "tag", "timer")

    def __init__(self, server: Server, effect: fx.Send, tag: int) -> None:
        self.server, self.effect, self.tag = server, effect, tag
        self.life = server.life
        self.gone = self.over = False
        self.on_gone: Callable[[], None] | None = None
        self.timer: Entry | None = None

    def answer(self, reply: Message) -> None:
        """Reply; what travels may be lost."""
        network = self.server.network
        if network.loses():
            network.clock.after(RESET, self.end, None, "UNAVAILABLE")
        else:
            network.clock.after(network.travel(), self.end, reply, "OK")

    def refuse(self, status: str) -> None:
        self.server.network.clock.after(self.server.network.travel(), self.end, None, status)

    def end(self, reply: Message | None, status: str) -> None:
        """The GCS learns of the end, if it still wants to."""
        if self.over:
            return
        self.over = True
        server, number = self.server, self.effect.send
        server.network.clock.cancel(self.timer)
        if server.orders.pop(number, None) is None or self.life != server.life:
            return
        server.tags[number] = self.tag
        event = ev.SendFailed(number, status) if reply is None else ev.SendAnswered(number, reply)
        server.feed(event, number)

    def leave(self) -> None:
        """The GCS gives it up."""
        self.over = self.gone = True
        self.server.network.clock.cancel(self.timer)
        if self.on_gone is not None:
            self.on_gone()
