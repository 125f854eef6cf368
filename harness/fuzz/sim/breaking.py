"""What a fault of a plan does to a simulated cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.fuzz import faults as fault
from harness.fuzz import names
from harness.fuzz.sim.deviating import Script
from harness.fuzz.sim.looking import CALM_AFTER_A_CUT
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.fuzz.sim.raylet import Raylet
    from harness.fuzz.sim.world import World

ALL_WRITES = 1_000_000


def _kill_gcs(world: World, how: fault.KillGcs) -> None:
    if world.server.alive:
        world.strikes(how, facts=_life(world))
        world.lives.kill_now(how)


def _terminate_gcs(world: World, how: fault.TerminateGcs) -> None:
    """What it has sent to the store takes place: it waits for that."""
    if world.server.alive:
        world.strikes(how, facts=_life(world))
        world.lives.kill_now(fault.KillGcs(how.down, ALL_WRITES))


def _crash_gcs(world: World, how: fault.CrashGcs) -> None:
    world.lives.armed = how


def _life(world: World) -> dict[str, int]:
    """By which the events of the GCS that lives now are told from those of others."""
    return {"life": world.server.life}


def _stall_store(world: World, how: fault.StallStore) -> None:
    world.strikes(how)
    world.record.write("store", "paused")
    world.store.stall(how.seconds)
    world.clock.after(how.seconds, world.record.write, "store", "resumed")


def _fail_store(world: World, how: fault.FailStore) -> None:
    if world.store.refuse_after is None:
        world.store.refuse_after, world.store.refused_applies = how.writes, how.applied
        world.lives.restart_after = how.down


def _hang_gcs(world: World, how: fault.HangGcs) -> None:
    if world.server.hang():
        world.reached("a GCS hangs")
        world.strikes(how, facts=_life(world))
        if not world.server.open:
            world.reached("a GCS hangs during recovery")
        world.clock.after(how.seconds, _go_on, world, world.server.life)


def _go_on(world: World, life: int) -> None:
    if world.server.life == life and world.server.go_on():
        world.stirred(CALM_AFTER_A_CUT)


def _kill_store(world: World, how: fault.KillStore) -> None:
    if not world.store.down:
        world.reached("the store dies")
        world.strikes(how)
        world.record.write("store", "killed")
        world.clock.after(how.seconds, _restart_store, world)
        world.store.kill()


def _restart_store(world: World) -> None:
    world.record.write("store", "restarted")
    world.store.restart()


def _not_carried(_world: World, _how: fault.Rival | fault.CutStore) -> None:
    """On real processes alone: here is one GCS, and no connection that it could make anew."""


def _new_node(world: World, how: fault.AddNode) -> None:
    world.strikes(how, names.node_id(len(world.raylets)).hex())
    world.add_node(how.cpus, how.head)


def _kill_node(world: World, how: fault.KillNode) -> None:
    raylet = world.raylet(how.node)
    if raylet is not None:
        if not world.server.open:
            world.reached("a node dies during an outage")
        world.strikes(how, raylet.who)
        raylet.exit(-9, "killed", "killed")


def _cut_node(world: World, how: fault.CutNode) -> None:
    raylet = world.raylet(how.node)
    if raylet is None or raylet.channel.cut:
        return
    kind, proof = fault.told(how, raylet.who)
    world.record.write("plan", kind, proof)
    world.record.write("fault", "a raylet is cut off", {"phase": "inject", "node": raylet.who, **proof})
    world.record.write("raylet", "disconnected", {}, raylet.who)
    raylet.channel.cut = True
    raylet.channel.reset()
    raylet.syncer.break_off()
    world.clock.after(how.seconds, _join_up, world, raylet)


def _join_up(world: World, raylet: Raylet) -> None:
    raylet.channel.cut = False
    world.stirred(CALM_AFTER_A_CUT)
    world.record.write("raylet", "reachable", {}, raylet.who)
    world.record.write("fault", "a raylet is cut off", {"phase": "healed", "node": raylet.who})


def _kill_worker(world: World, how: fault.KillWorker) -> None:
    worker = world.worker_of(how.actor)
    if worker is not None:
        if not world.server.open:
            world.reached("a worker dies during an outage")
        world.strikes(how, worker.raylet.who, {"worker": worker.worker_id.hex()})
        worker.raylet.kill_worker(worker, "killed from outside", m.SYSTEM_ERROR)


def _kill_driver(world: World, how: fault.KillDriver) -> None:
    home, worker = world.owners.get(how.job % names.JOBS), names.driver_id(how.job % names.JOBS)
    if home is not None and worker in home.drivers:
        world.strikes(how, home.who, {"worker": worker.hex()})
        home.end_driver(home.drivers[worker])


def _drop_ref(world: World, how: fault.DropRef) -> None:
    owner, actor = world.owner_of(how.actor), names.actor_id(how.actor)
    if owner is not None:
        world.strikes(how, owner.raylet.who, {"actor": actor.hex()})
        world.record.write("note", "ref dropped", {"actor": actor}, owner.raylet.who)
        owner.drop(actor)


def _sync_again(world: World, how: fault.SyncAgain) -> None:
    raylet = world.raylet(how.node)
    if raylet is not None and raylet.syncer.open and world.server.open and not raylet.channel.cut:
        world.strikes(how, raylet.who)
        raylet.syncer.start(beside=True)


def _tear_store(world: World, how: fault.TearStore) -> None:
    specs = world.store.tables.get("ACTOR_TASK_SPEC", {})
    if not world.server.alive and specs.pop(names.actor_id(how.actor), None) is not None:
        world.strikes(how)
        world.record.write("store", "tampered", {"why": "an actor's task spec was deleted"})
        world.record.write("store", "altered")
        world.reached("an actor without its task spec")


def _break_links(world: World, how: fault.BreakLinks) -> None:
    world.strikes(how)
    world.record.write("link", "struck", {"what": "every connection is reset"})
    for channel in world.channels():
        channel.reset()


def _disobey(world: World, how: fault.Disobey) -> None:
    raylet = world.raylet(how.node)
    if raylet is not None:
        world.strikes(how, raylet.who, {"method": how.method, "mode": how.mode})
        raylet.write("note", "scripted", {"method": how.method, "mode": how.mode})
        raylet.scripts[how.method] = Script(how.mode, how.calls, how.seconds)


_BREAK: dict[type[Any], Callable[[World, Any], None]] = {
    fault.KillGcs: _kill_gcs,
    fault.CrashGcs: _crash_gcs,
    fault.StallStore: _stall_store,
    fault.FailStore: _fail_store,
    fault.AddNode: _new_node,
    fault.KillNode: _kill_node,
    fault.CutNode: _cut_node,
    fault.KillWorker: _kill_worker,
    fault.KillDriver: _kill_driver,
    fault.DropRef: _drop_ref,
    fault.BreakLinks: _break_links,
    fault.Disobey: _disobey,
    fault.SyncAgain: _sync_again,
    fault.TearStore: _tear_store,
    fault.HangGcs: _hang_gcs,
    fault.KillStore: _kill_store,
    fault.Rival: _not_carried,
    fault.CutStore: _not_carried,
    fault.TerminateGcs: _terminate_gcs,
}


def break_down(world: World, what: fault.Fault) -> None:
    """Carry out ``what``; nothing, where what it would break is not there."""
    _BREAK[type(what)](world, what)
