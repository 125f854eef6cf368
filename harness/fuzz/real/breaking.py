"""What a fault of a plan does to a real cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.fault import CutStore, KillStore, Rival, injected
from harness.fuzz import faults as fault
from harness.fuzz import names
from harness.proxy import Match
from harness.proxy.modes import Cut, KillAfter, KillBefore, RefuseWith
from harness.raylet.asking import HostError

if TYPE_CHECKING:
    from harness.fuzz.real.performance import Performance
    from harness.proxy.base import Strike

EFFECTS_PER_COMMAND = 2
"""A plan counts effects, of which commands to the store are about every second one."""

ORDERLY_SECONDS = 4.0
"""For so long it may take to end when it is told to: twice what L4 gives it, on a machine that is busy."""


@dataclass(frozen=True)
class Armed:
    """What waits for a command to the store: ``what`` is then broken, as ``how`` says."""

    strike: Strike
    what: str
    how: fault.CrashGcs | fault.FailStore


def _kill_gcs(run: Performance, how: fault.KillGcs) -> None:
    # A recovery takes longer than the pauses of a plan: those that are to die in it are the plan's ladders.
    run.await_gcs()
    if run.cluster.gcs.alive:
        run.keeper.expect(how.down, how.recoveries)
        run.strikes(how, facts=run.life())
        run.cluster.kill_gcs()
        run.hit("a kill")


def _terminate_gcs(run: Performance, how: fault.TerminateGcs) -> None:
    run.await_gcs()
    if run.keeper.serving:
        run.keeper.expect(how.down)
        run.strikes(how, facts=run.life())
        run.cluster.gcs.stop(ORDERLY_SECONDS)
        run.hit("an orderly end")


def _crash_gcs(run: Performance, how: fault.CrashGcs) -> None:
    run.crashes.append(how)


def arm_crash(run: Performance, how: fault.CrashGcs) -> None:
    """Let the GCS die at a command to the store that it sends from now on."""
    mode = KillAfter() if how.applied else KillBefore()
    strike = run.cluster.arm(mode, Match(nth=how.effects // EFFECTS_PER_COMMAND + 1))
    run.armed.append(Armed(strike, "a crash at a command", how))


def _fail_store(run: Performance, how: fault.FailStore) -> None:
    mode = Cut(at="reply") if how.applied else RefuseWith()
    strike = run.cluster.arm(mode, Match(nth=how.writes + 1))
    run.armed.append(Armed(strike, "a refused command", how))


def _stall_store(run: Performance, how: fault.StallStore) -> None:
    if run.store_stalled or run.store_killed:
        return
    run.store_stalled = True
    run.strikes(how)
    run.cluster.recorder.write("store", "paused")
    run.cluster.store.pause()
    run.hit("a stalled store")
    run.later(how.seconds, run.resume_store)


def _hang_gcs(run: Performance, how: fault.HangGcs) -> None:
    gcs = run.cluster.gcs
    if gcs.alive and not gcs.paused:
        run.strikes(how, facts=run.life())
        gcs.pause()
        run.hit("a GCS that hangs")
        run.later(how.seconds, run.resume_gcs)


def _kill_store(run: Performance, how: fault.KillStore) -> None:
    if run.store_stalled or run.store_killed:
        return
    run.strikes(how)
    KillStore().inject(run.cluster)
    run.store_killed = True
    run.hit("a dead store")
    run.later(how.seconds, run.restart_store)


def _cut_store(run: Performance, how: fault.CutStore) -> None:
    if not (run.store_stalled or run.store_killed):
        run.strikes(how)
        CutStore().inject(run.cluster)
        run.hit("cut connections to the store")


def _rival(run: Performance, how: fault.Rival) -> None:
    cluster = run.cluster
    if cluster.rival is not None and cluster.rival.alive:
        return
    run.await_gcs()
    if not run.keeper.serving:
        return  # of two that start at once either may take over
    run.strikes(how)
    run.rivals.enter_context(injected(cluster, Rival()))
    if run.rival_serves():
        run.hit("a second GCS")
    run.later(how.seconds, run.rivals.close)


def _add_node(run: Performance, how: fault.AddNode) -> None:
    run.strikes(how, names.node_id(len(run.cluster.raylets)).hex())
    run.add_node(how.cpus, how.head)
    run.hit("a node that joins")


def _kill_node(run: Performance, how: fault.KillNode) -> None:
    if (raylet := run.raylet(how.node)) is not None:
        run.strikes(how, raylet.node_id.hex())
        raylet.kill()
        run.hit("a dead node")


def _cut_node(run: Performance, how: fault.CutNode) -> None:
    raylet = run.raylet(how.node)
    if raylet is None or not run.links.cut(raylet):
        return
    run.strikes(how, raylet.node_id.hex())
    run.hit("a node cut off")
    run.later(how.seconds, lambda: run.links.join(raylet))


def _kill_worker(run: Performance, how: fault.KillWorker) -> None:
    found = run.worker_of(how.actor)
    if found is not None:
        raylet, worker = found
        run.strikes(how, raylet.node_id.hex(), {"worker": worker.worker_id.hex()})
        raylet.kill_worker(worker.worker_id)
        run.hit("a dead worker")


def _kill_driver(run: Performance, how: fault.KillDriver) -> None:
    owner = run.owners.get(how.job % names.JOBS)
    if owner is not None and owner.alive and owner.home.alive:
        owner.alive = False
        run.strikes(how, facts={"worker": owner.owner.worker_id.hex()})
        owner.home.detach_driver(owner.owner.worker_id)
        run.hit("a dead driver")


def _drop_ref(run: Performance, how: fault.DropRef) -> None:
    # A worker that owns an actor lives and dies with its own: only drivers let go of theirs here.
    owner = run.owners.get(names.job_of(how.actor))
    if owner is not None and owner.alive and owner.home.alive and how.actor not in run.parents:
        run.strikes(how, facts={"actor": names.actor_id(how.actor).hex()})
        owner.home.drop_ref(names.actor_id(how.actor), owner.owner.worker_id)
        run.hit("a dropped reference")


def _disobey(run: Performance, how: fault.Disobey) -> None:
    if (raylet := run.raylet(how.node)) is not None:
        run.strikes(how, raylet.node_id.hex(), {"method": how.method, "mode": how.mode})
        raylet.script(how.method, how.mode, how.seconds, times=how.calls)
        run.hit("a raylet that disobeys")


def _not_carried(_run: Performance, _how: fault.SyncAgain | fault.TearStore) -> None:
    """Simulated alone: a raylet's host opens one stream, and the store is not touched by hand in a campaign."""


def _break_links(run: Performance, how: fault.BreakLinks) -> None:
    if run.links.used():
        run.strikes(how)
        run.links.reset()
        run.hit("broken connections")


_BREAK: dict[type[Any], Callable[[Performance, Any], None]] = {
    fault.KillGcs: _kill_gcs,
    fault.CrashGcs: _crash_gcs,
    fault.StallStore: _stall_store,
    fault.FailStore: _fail_store,
    fault.AddNode: _add_node,
    fault.KillNode: _kill_node,
    fault.CutNode: _cut_node,
    fault.KillWorker: _kill_worker,
    fault.KillDriver: _kill_driver,
    fault.DropRef: _drop_ref,
    fault.BreakLinks: _break_links,
    fault.Disobey: _disobey,
    fault.SyncAgain: _not_carried,
    fault.TearStore: _not_carried,
    fault.HangGcs: _hang_gcs,
    fault.KillStore: _kill_store,
    fault.Rival: _rival,
    fault.TerminateGcs: _terminate_gcs,
    fault.CutStore: _cut_store,
}


_OF_STORE = (fault.StallStore, fault.KillStore, fault.CutStore)


def break_down(run: Performance, what: fault.Fault) -> None:
    """Carry out ``what``; nothing, where what it would break is not there or not ours, or goes while it is asked."""
    if isinstance(what, _OF_STORE) and not run.cluster.store.faults:
        run.cluster.note("left out", f"{type(what).__name__}: the store is not ours to break")
        return
    with suppress(HostError):
        _BREAK[type(what)](run, what)
