"""The state of a GCS, and the few verbs with which the managers change the world.

Everything a manager knows lies here as plain values, so that a state can be copied, compared
and thrown away. What happens *after* an effect is a :class:`Then`: a function of a module and
its arguments, never a closure.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import effects as fx
from reference_gcs.core.actor import Actors
from reference_gcs.core.config import Config
from reference_gcs.core.happenings import LISTENERS, Happening
from reference_gcs.core.placement_group import Groups
from reference_gcs.core.publisher import Publisher
from reference_gcs.core.tables import Gates, Health, Jobs, Nodes, Views, Workers


@dataclass(frozen=True, slots=True)
class Then:
    """What to do with an outcome: ``do(gcs, *args, outcome)``.

    The outcome of a store command is its value, that of a send the reply or None when it
    failed, that of a timer None.
    """

    do: Callable[..., None]
    args: tuple[Any, ...] = ()

    def run(self, gcs: Gcs, outcome: Any) -> None:
        self.do(gcs, *self.args, outcome)


def then(do: Callable[..., None], *args: Any) -> Then:
    """``Then(do, args)``, to read well at the call."""
    return Then(do, args)


@dataclass(slots=True)
class Barrier:
    """Waits for several things; ``then`` runs when the last of them is done."""

    waiting: int
    then: Then


@dataclass
class Gcs:
    """One GCS process' memory. A fresh one knows nothing: feed it Boot."""

    config: Config
    random: random.Random
    now: float = 0.0
    serving: bool = False
    cluster_id: bytes = b""
    effects: list[fx.Effect] = field(default_factory=list)
    next_number: int = 0
    ops: dict[int, Then] = field(default_factory=dict)
    sends: dict[int, Then] = field(default_factory=dict)
    timers: dict[int, Then] = field(default_factory=dict)
    barriers: dict[int, Barrier] = field(default_factory=dict)
    nodes: Nodes = field(default_factory=Nodes)
    jobs: Jobs = field(default_factory=Jobs)
    workers: Workers = field(default_factory=Workers)
    actors: Actors = field(default_factory=Actors)
    groups: Groups = field(default_factory=Groups)
    views: Views = field(default_factory=Views)
    health: Health = field(default_factory=Health)
    gates: Gates = field(default_factory=Gates)
    publishers: dict[str, Publisher] = field(default_factory=dict)
    loaded: dict[str, dict[bytes, bytes]] = field(default_factory=dict)

    def number(self) -> int:
        self.next_number += 1
        return self.next_number

    def now_ms(self) -> int:
        return int(self.now * 1000)

    # -- effects ---------------------------------------------------------------------------

    def write(self, command: fx.WriteCommand, after: Then) -> None:
        """Ask for a write; ``after`` runs when the store has confirmed it, never before."""
        op = self.number()
        self.ops[op] = after
        self.effects.append(fx.StoreWrite(op, command))

    def read(self, command: fx.ReadCommand, after: Then) -> None:
        op = self.number()
        self.ops[op] = after
        self.effects.append(fx.StoreRead(op, command))

    def reply(self, call: int, message: Message) -> None:
        """Answer ``call``; the status is OK unless the reply says otherwise, and always present."""
        message.status.SetInParent()  # type: ignore[attr-defined]
        self.effects.append(fx.Reply(call, message))

    def fail(self, call: int, reply: Message, code: Code, text: str) -> None:
        """Answer ``call`` with a business error in the reply's ``status``."""
        reply.status.code = code  # type: ignore[attr-defined]
        reply.status.message = text  # type: ignore[attr-defined]
        self.effects.append(fx.Reply(call, reply))

    def reject(self, call: int, code: str, details: str) -> None:
        self.effects.append(fx.Reject(call, code, details))

    def send(
        self, ip: str, port: int, method: str, request: Message, after: Then, timeout: float | None = None
    ) -> int:
        """Call a raylet or worker once; returns the number to cancel it by."""
        number = self.number()
        self.sends[number] = after
        self.effects.append(fx.Send(number, ip, port, method, request, timeout))
        return number

    def send_to_node(
        self, node: m.GcsNodeInfo, name: str, request: Message, after: Then, timeout: float | None = None
    ) -> int:
        """Call method ``name`` of a raylet."""
        method = f"NodeManagerService.{name}"
        return self.send(node.node_manager_address, node.node_manager_port, method, request, after, timeout)

    def cancel_send(self, number: int) -> None:
        """Give up on a call; its outcome no longer matters."""
        if self.sends.pop(number, None) is not None:
            self.effects.append(fx.CancelSend(number))

    def after(self, seconds: float, what: Then) -> int:
        number = self.number()
        self.timers[number] = what
        self.effects.append(fx.SetTimer(number, seconds))
        return number

    def cancel_timer(self, number: int) -> None:
        if self.timers.pop(number, None) is not None:
            self.effects.append(fx.CancelTimer(number))

    def log(self, text: str) -> None:
        self.effects.append(fx.Log(text))

    def exit(self, code: int, why: str) -> None:
        self.effects.append(fx.Exit(code, why))

    # -- waiting for several things --------------------------------------------------------

    def barrier(self, after: Then) -> int:
        """A new barrier, held once by its maker, who ends with :meth:`release`."""
        number = self.number()
        self.barriers[number] = Barrier(1, after)
        return number

    def hold(self, barrier: int) -> Then:
        """One more thing to wait for: run the Then that this returns when it is done."""
        self.barriers[barrier].waiting += 1
        return Then(_release, (barrier,))

    def release(self, barrier: int) -> None:
        one = self.barriers[barrier]
        one.waiting -= 1
        if one.waiting == 0:
            del self.barriers[barrier]
            one.then.run(self, None)

    # -- telling the other managers ----------------------------------------------------------

    def happen(self, happening: Happening) -> None:
        """Tell every manager that listens, at once and in the order of their import."""
        for listener in LISTENERS.get(type(happening), ()):
            listener(self, happening)


def _release(gcs: Gcs, barrier: int, _outcome: Any) -> None:
    gcs.release(barrier)


def nothing(_gcs: Gcs, _outcome: Any) -> None:
    """A Then for effects whose outcome does not matter."""


NOTHING = Then(nothing)


def run_all(gcs: Gcs, waiting: list[Then], outcome: Any = None) -> None:
    """Run and empty a list of Thens."""
    todo, waiting[:] = list(waiting), []
    for one in todo:
        one.run(gcs, outcome)
