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
    """``effect``: what the GCS asked for. ``gone``: nobody waits for its answer any more.

    ``seq``: its number at the raylet ``who``, which wrote it down; 0 when nobody did. ``bent``: by a script.
    """

    __slots__ = ("bent", "effect", "gone", "life", "on_gone", "over", "seq", "server", "tag", "timer", "who")

    def __init__(self, server: Server, effect: fx.Send, tag: int) -> None:
        self.server, self.effect, self.tag = server, effect, tag
        self.life = server.life
        self.gone = self.over = self.bent = False
        self.seq, self.who = 0, ""
        self.on_gone: Callable[[], None] | None = None
        self.timer: Entry | None = None

    @property
    def name(self) -> str:
        """The method without its service."""
        return self.effect.method.split(".")[1]

    def answer(self, reply: Message) -> None:
        """Reply; what travels may be lost."""
        network = self.server.network
        if network.loses():
            if self.seq:
                self._note("lost")
            elif self.name == "Check":
                self.server.post.note_nobody(self)
            network.clock.after(RESET, self.end, None, "UNAVAILABLE")
        else:
            if self.bent and self.seq:
                self._note("answered")
            network.clock.after(network.travel(), self.end, reply, "OK")

    def refuse(self, status: str) -> None:
        self.server.network.clock.after(self.server.network.travel(), self.end, None, status)

    def end(self, reply: Message | None, status: str) -> None:
        """The GCS learns of the end, if it still wants to."""
        if self.over:
            if reply is not None and self.seq:
                self._note("lost")
            return
        self.over = True
        server, number = self.server, self.effect.send
        server.network.clock.cancel(self.timer)
        if server.post.orders.pop(number, None) is None or self.life != server.life:
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

    def _note(self, outcome: str) -> None:
        """What became of an answer that did not simply arrive."""
        facts = {"seq": self.seq, "outcome": outcome}
        self.server.record.write("order", self.name, facts, self.who)
