"""Flows of several steps: what raylets, workers and drivers of a real cluster bring about together."""

from __future__ import annotations

import threading

from harness.check import view
from harness.cluster import Cluster
from harness.crashpoint.act import Control, Happening
from harness.crashpoint.flow import MORTAL, Flow
from harness.crashpoint.requests import restarted
from harness.driver import look
from harness.traffic.mutations import fresh
from harness.wire import ids

PARKED_SECONDS = 100.0
"""How long a parked call may wait: a ladder of recoveries may lie between, and a slow GCS takes its time for each."""
_PAIR = ({"CPU": 1.0}, {"CPU": 1.0})


def _actor_creation(cluster: Cluster) -> Control:
    spec = cluster.driver.actor_spec(name=fresh("created"))

    def create() -> None:
        cluster.driver.register_actor(spec, PARKED_SECONDS)
        cluster.driver.instantiate_actor(spec, PARKED_SECONDS)

    def complete() -> str:
        row = view.actor(cluster.driver.actor(spec.actor_id))
        workers = len(cluster.workers_of(spec.actor_id))
        return "" if row.state == "ALIVE" and workers == 1 else f"it is {row.state} with {workers} workers"

    return Control(cluster, create, complete)


def _actor_restart(cluster: Cluster) -> Happening:
    actor = cluster.driver.create_actor(name=fresh("phoenix"), max_restarts=-1)
    (before,) = cluster.workers_of(actor)
    return Happening(
        lambda: cluster.kill_actor_process(actor),
        lambda: restarted(cluster, actor),
        lambda: [one.worker_id != before.worker_id for one in cluster.workers_of(actor)] == [True],
    )


def _group_creation(cluster: Cluster) -> Control:
    group = ids.placement_group_id(cluster.driver.job)

    def create() -> None:
        cluster.driver.create_placement_group(
            _PAIR, "STRICT_SPREAD", fresh("created"), group=group, within=PARKED_SECONDS
        )

    return Control(cluster, create, lambda: _group_is(cluster, group, "CREATED", 2))


def _group_removal(cluster: Cluster) -> Control:
    group = cluster.driver.create_placement_group(_PAIR, "STRICT_SPREAD", fresh("removed"))
    return Control(
        cluster,
        lambda: cluster.driver.remove_placement_group(group, PARKED_SECONDS),
        lambda: _group_is(cluster, group, "REMOVED", 0),
        lambda: not cluster.bundles_of(group),
    )


def _group_is(cluster: Cluster, group: bytes, state: str, bundles: int) -> str:
    row, held = view.group(cluster.driver.placement_group(group)), len(cluster.bundles_of(group))
    return (
        ""
        if (row.state, held) == (state, bundles)
        else f"the group is {row.state}; raylets hold {held} bundles"
    )


def _group_rescheduling(cluster: Cluster) -> Happening:
    place = fresh("doomed")
    lost = cluster.add_raylet({"CPU": 8.0, place: 8.0})
    group = cluster.driver.create_placement_group(
        ({"CPU": 1.0, place: 1.0}, {"CPU": 1.0}), "STRICT_SPREAD", fresh("phoenix")
    )
    cluster.add_raylet({"CPU": 8.0, place: 8.0})

    def moved() -> bool:
        held = cluster.bundles_of(group)
        return len(held) == 2 and lost.node_id.hex() not in held.values()

    return Happening(lost.kill, lambda: _group_is(cluster, group, "CREATED", 2), moved)


def _job_finish(cluster: Cluster) -> Control:
    other = cluster.add_driver()
    owned, detached = other.create_actor(name=fresh("owned")), other.create_actor(detached=True)
    group = other.create_placement_group(name=fresh("owned"))

    def complete() -> str:
        dead, kept = view.actor(cluster.driver.actor(owned)), view.actor(cluster.driver.actor(detached))
        workers = len(cluster.workers_of(owned)), len(cluster.workers_of(detached))
        if (dead.state, kept.state, workers) != ("DEAD", "ALIVE", (0, 1)):
            return f"its actor is {dead.state}, the detached one {kept.state}; their workers are {workers}"
        return _group_is(cluster, group, "REMOVED", 0)

    ended = threading.Lock()

    def end() -> None:
        """What a raylet does when a driver exits; the driver's death is reported once, however often this is."""
        cluster.driver.finish_job(other.job, PARKED_SECONDS)
        if ended.acquire(blocking=False):
            other.die()

    return Control(
        cluster,
        end,
        complete,
        lambda: not cluster.workers_of(owned) and not cluster.bundles_of(group),
    )


def _node_death(cluster: Cluster) -> Happening:
    place = fresh("doomed")
    lost = cluster.add_raylet({"CPU": 8.0, place: 8.0})
    wish = {"CPU": 1.0, place: 1.0}
    moves = cluster.driver.create_actor(name=fresh("moves"), max_restarts=-1, resources=wish)
    ends = cluster.driver.create_actor(name=fresh("ends"), resources=wish)
    cluster.add_raylet({"CPU": 8.0, place: 8.0})

    def complete() -> str:
        state = look.node_states(cluster.driver.gcs).get(lost.node_id.hex())
        if state != "DEAD":
            return f"the node is {state}"
        row = view.actor(cluster.driver.actor(ends))
        return restarted(cluster, moves) or ("" if row.state == "DEAD" else f"the other actor is {row.state}")

    return Happening(lost.kill, complete, lambda: len(cluster.workers_of(moves)) == 1)


def _node_registration(cluster: Cluster) -> Happening:
    before = len(cluster.raylets)

    def complete() -> str:
        state = look.node_states(cluster.driver.gcs).get(cluster.raylets[before].node_id.hex())
        return "" if state == "ALIVE" else f"the node is {state}"

    return Happening(
        lambda: cluster.add_raylet({"CPU": 8.0}, wait=False),
        complete,
        lambda: len(cluster.raylets) > before and cluster.raylets[before].settled,
    )


STEPS: tuple[Flow, ...] = (
    Flow("flow.actor-creation", _actor_creation),
    Flow("flow.actor-restart", _actor_restart, asks=False),
    Flow("flow.group-creation", _group_creation),
    Flow("flow.group-removal", _group_removal),
    Flow("flow.job-finish", _job_finish),
    Flow("flow.node-registration", _node_registration, asks=False),
    Flow("flow.node-death", _node_death, MORTAL, asks=False),
    Flow("flow.group-rescheduling", _group_rescheduling, MORTAL, asks=False),
)
