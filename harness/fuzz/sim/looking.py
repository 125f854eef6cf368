"""The end of a simulated case: all that was broken is whole, everything comes to rest, and somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from harness.check.agreement import complaints
from harness.driver.client import Refused
from harness.driver.look import look_at_all
from harness.fuzz.sim.client import Client
from harness.store.dump import plain_rows
from harness.wire import layout, rpc
from harness.wire import messages as m
from harness.wire.dialect import dialect

if TYPE_CHECKING:
    from harness.fuzz.sim.raylet import Raylet
    from harness.fuzz.sim.world import World

PATIENCE = 180.0
"""Virtual seconds in which all must have come to rest: a raylet asks after itself once a minute."""
OUTAGE = 600.0
"""Virtual seconds in which the last GCS must serve: each of its lives may be down for long."""
PAUSES = (3.0, 1.0, 2.0, 4.0, 8.0)
CALM, CALM_AFTER_A_CUT = 3.0, 6.0
"""Seconds without a start or a fault's end that come before a look: what the GCS owes for them it has done by then."""
ANSWER = 30.0
TINY = 1e-6


def close(world: World) -> None:
    """The ``closing`` look, once all is quiet and agrees, or at the end of our patience."""
    eye = _Eye(world)
    world.clock.run_until(lambda: world.server.open, OUTAGE)
    world.stirred()
    why: list[str] = []
    seen: dict[str, Any] | None = None
    for pause in _pauses():
        world.clock.run(world.clock.now + pause)
        why = list(_restless(world))
        seen = None if why else eye.look()
        if seen is not None and not seen["complaints"]:
            break
    if seen is None:
        seen = eye.look()
    if seen is None and world.server.open:
        world.record.write("look", "refused", {"why": eye.why}, eye.name)
    if seen is not None:
        rest = {"quiet": not why, **({"why": "; ".join(why)} if why else {})}
        world.record.write("look", "closing", {**seen, **rest}, eye.name)
    world.record.write("cluster", "closing", {"why": why})
    if any(_given_up(row) for row in world.store.tables.get("NODE", {}).values()):
        world.reached("a node is found dead by its health check")


def _given_up(row: bytes) -> bool:
    node = m.GcsNodeInfo.FromString(row)
    return node.death_info.reason == m.NodeDeathInfo.UNEXPECTED_TERMINATION


def _pauses() -> Iterator[float]:
    spent = sum(PAUSES)
    yield from PAUSES
    while spent < PATIENCE:
        yield PAUSES[-1]
        spent += PAUSES[-1]


def _restless(world: World) -> Iterator[str]:
    """What speaks against quiet."""
    if not world.server.open or world.server.hung:
        yield "the GCS does not serve"
    if world.store.down:
        yield "the store is down"
    if world.clock.now + TINY < world.calm_from:
        yield "something was mended a moment ago"
    living = [one for one in world.raylets if not one.gone]
    if living and all(world.clock.now <= one.mute_until for one in living):
        yield "every raylet owes an answer"
    yield from _restless_raylets(world)
    if any(one.channel.outstanding() for one in (*world.clients, *world.listeners)):
        yield "calls are outstanding"


def _restless_raylets(world: World) -> Iterator[str]:
    nodes = world.store.tables.get("NODE", {})
    dead = {one for one, row in nodes.items() if m.GcsNodeInfo.FromString(row).state == m.GcsNodeInfo.DEAD}
    for raylet in world.raylets:
        if raylet.state not in ("connected", "gone"):
            yield f"raylet {raylet.who[:8]} is {raylet.state}"
        if raylet.channel.cut:
            yield f"raylet {raylet.who[:8]} is cut off"
        if raylet.gone and raylet.node_id in nodes.keys() - dead:
            yield f"nobody has noticed that raylet {raylet.who[:8]} is gone"
        if not raylet.gone and raylet.node_id in dead:
            yield f"raylet {raylet.who[:8]} has yet to learn that it is dead"


class _Eye:
    """Looks, as a client of its own. What it calls with is as much of a GcsClient as looking needs."""

    name = "eye"

    def __init__(self, world: World) -> None:
        self._world = world
        self._client = Client(world, self.name)
        self.why = ""
        """Of the last look that was not answered."""

    def look(self) -> dict[str, Any] | None:
        """The facts of a look; None when the GCS does not answer."""
        world = self._world
        try:
            view, available = look_at_all(self, ANSWER)  # type: ignore[arg-type]
            workers = self.checked("GetAllWorkerInfo", m.GetAllWorkerInfoRequest(), ANSWER)
        except (NotAnswered, Refused) as problem:
            self.why = str(problem)
            return None
        rows: dict[str, dict[bytes, bytes]] = {
            table: dict(rows)
            for table, rows in world.store.tables.items()
            if rows and table in (layout.KV, *layout.TABLES)
        }
        for table, count in world.store.counters.items():
            rows[table] = {b"": str(count).encode()}
        facts = {
            "view": {**asdict(view), "available": available, "workers": _workers(workers)},
            "books": {one.who: _book(one) for one in world.raylets},
            "stored": plain_rows(rows, dialect("2.60.0")),
        }
        found = complaints(facts["view"], facts["books"], facts["stored"])
        return {**facts, "complaints": [one.signature for one in found]}

    def begin(self, name: str, request: Message, _within: float, _claim: Any = None) -> _Future:
        """As GcsClient's, in virtual time."""
        future = _Future(self._world)
        self._client.control(rpc.method(name).full_name, request, future.end)
        return future

    def control(self, name: str, request: Message, within: float, cluster_id: Any = None) -> Any:
        return self.begin(name, request, within, cluster_id).result()

    def checked(self, name: str, request: Message, within: float) -> Any:
        reply = self.control(name, request, within)
        if reply.status.code:
            raise Refused(name, reply.status)
        return reply


class _Future:
    """The end of a call: whoever asks for it lets time pass."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._reply: Any = None
        self._status = ""

    def end(self, reply: Any, status: str) -> None:
        self._reply, self._status = reply, status

    def result(self) -> Any:
        reached: Callable[[], bool] = lambda: bool(self._status)  # noqa: E731
        if not self._world.clock.run_until(reached, ANSWER) or self._reply is None:
            raise NotAnswered(f"a look was not answered: {self._status or 'nothing came'}")
        return self._reply


def _workers(reply: m.GetAllWorkerInfoReply) -> dict[str, dict[str, bool]]:
    """By id (hex): whether each lives."""
    return {one.worker_address.worker_id.hex(): {"alive": one.is_alive} for one in reply.worker_table_data}


class NotAnswered(Exception):
    """The GCS owes the look an answer."""


def _book(raylet: Raylet) -> dict[str, Any]:
    """What a raylet holds; nothing when it is gone."""
    if raylet.gone:
        return {"state": "gone", "workers": {}, "bundles": [], "available": {}, "total": {}}
    return {
        "state": raylet.state,
        "workers": {one.worker_id.hex(): one.actor_id.hex() for one in raylet.alive()},
        "bundles": [f"{group.hex()}:{index}" for group, index in raylet.book.bundles],
        "available": raylet.book.available(),
        "total": raylet.book.total(),
        "syncing": raylet.syncer.open,
    }
