"""What a simulated GCS sends to raylets, workers and drivers: the doors at which they listen, and calls on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from harness.fuzz.sim.channel import RESET
from harness.fuzz.sim.orders import Order
from reference_gcs.core import effects as fx

if TYPE_CHECKING:
    from harness.fuzz.sim.server import Server

NOTED = frozenset({"NotifyGCSRestart", "ReleaseUnusedActorWorkers", "ReleaseUnusedBundles"})
"""The orders of a recovery: that they went where nobody listens is written down, too."""
PROBE = "Check"
"""A node is given up for those that were lost."""
Address = tuple[str, int]


class Door(Protocol):
    """What listens at an address of a raylet, a worker or a driver."""

    def order(self, order: Order) -> None: ...


class Post:
    """``doors``: by address; ``nodes``: whose address it is or was, for raylets; ``orders``: by their number."""

    def __init__(self, server: Server) -> None:
        self.doors: dict[Address, Door] = {}
        self.nodes: dict[Address, str] = {}
        self.orders: dict[int, Order] = {}
        self._server, self._network = server, server.network

    def send(self, effect: fx.Send, tag: int) -> None:
        """A call leaves; it comes to its door, or is lost."""
        order = self.orders[effect.send] = Order(self._server, effect, tag)
        clock = self._network.clock
        if effect.timeout is not None:
            order.timer = clock.after(effect.timeout, self._too_late, order)
        if self._network.loses():
            if order.name == PROBE:
                self.note_nobody(order)
            clock.after(RESET, order.end, None, "UNAVAILABLE")
        else:
            clock.after(self._network.travel(), self._arrive, order)

    def cancel(self, number: int) -> None:
        """The GCS gives a call up."""
        order = self.orders.pop(number, None)
        if order is not None:
            order.leave()

    def drop(self) -> None:
        """The GCS is gone, and gives up all its calls."""
        orders, self.orders = self.orders, {}
        for order in orders.values():
            order.leave()

    def _arrive(self, order: Order) -> None:
        if order.over and not order.gone:
            return
        door = self.doors.get((order.effect.ip, order.effect.port))
        if door is None:
            if not order.gone and order.name in NOTED:
                self.note_nobody(order)
            order.end(None, "UNAVAILABLE")
        elif not order.gone:
            door.order(order)

    def note_nobody(self, order: Order) -> None:
        """A call to a raylet that did not get there, or whose answer did not come back."""
        where = (order.effect.ip, order.effect.port)
        if where in self.nodes:
            self._server.record.write("note", "nobody heard", {"method": order.name}, self.nodes[where])

    def _too_late(self, order: Order) -> None:
        order.gone = True
        if order.on_gone is not None:
            order.on_gone()
        order.end(None, "DEADLINE_EXCEEDED")
