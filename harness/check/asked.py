"""An actor that was asked for, and what it lives by, for the tests of what nobody asked for."""

from __future__ import annotations

from typing import Any

from harness.check.tale import Tale, tale

JOB = "01000000"
ACTOR, ROOT = "a1" * 12 + JOB, "a2" * 12 + JOB
GROUP = "b1" * 14 + JOB
MAKER = "a3" * 12 + "02000000"
"""An actor of another job."""
OWNER, WORKER, DRIVER, PARENT, NIL = JOB + "ff" * 24, "d1" * 28, "d2" * 28, "d3" * 28, "ff" * 28
NODE, HOME, OTHER, EARLY = "0a" * 28, "0b" * 28, "0c" * 28, "01" * 28
Row = dict[str, Any]


def spec(actor: str = ACTOR, detached: bool = False, root: str = "", **more: Any) -> Row:
    creation = {"actor_id": actor, "is_detached": detached}
    owner = {"worker_id": OWNER, "node_id": HOME}
    return {
        "task_spec": {
            "job_id": JOB,
            "caller_address": owner,
            "actor_creation_task_spec": creation,
            **({"root_detached_actor_id": root} if root else {}),
            **more,
        }
    }


def created(told: Tale | None = None, **facts: Any) -> Tale:
    """A job, a node, and an actor that was registered and is to be created."""
    told = told or tale()
    told.event("raylet", "joins", {}, NODE).write("NODE", NODE, {"state": "ALIVE"})
    told.call("AddJob", {"data": {"job_id": JOB, "driver_address": {"worker_id": OWNER, "node_id": HOME}}})
    return told.call("RegisterActor", spec(**facts)).call("CreateActor", spec(**facts))


def held(told: Tale, worker: str = WORKER, actor: str = ACTOR) -> Tale:
    """A worker of the node is given the actor."""
    return told.event("worker", "actor", {"worker": worker, "pid": 1, "actor": actor}, NODE)


def alive(told: Tale) -> Tale:
    return told.write("ACTOR", ACTOR, {"state": "ALIVE", "address": {"worker_id": WORKER, "node_id": NODE}})


def living(told: Tale | None = None, **facts: Any) -> Tale:
    """The same, and the actor lives."""
    return alive(held(created(told, **facts)))


def rooted() -> Tale:
    """A detached actor is there before."""
    asked = spec(ROOT, detached=True, root=ROOT)
    return tale().call("RegisterActor", asked).call("CreateActor", asked)


def made(told: Tale | None = None, **more: Any) -> Tale:
    """A group of one bundle, of another job and by another actor."""
    told = told or tale()
    asked = {
        "placement_group_id": GROUP,
        "creator_job_id": MAKER[-8:],
        "creator_actor_id": MAKER,
        "bundles": [{}],
    }
    told.call("AddJob", {"data": {"job_id": MAKER[-8:], "driver_address": {"worker_id": DRIVER}}})
    return told.call("CreatePlacementGroup", {"placement_group_spec": {**asked, **more}})


def in_bundle(index: int, group: str = GROUP) -> Row:
    place = {"placement_group_id": group, "placement_group_bundle_index": index}
    return {"scheduling_strategy": {"placement_group_scheduling_strategy": place}}


def bound_to(**how: Any) -> Row:
    return {"scheduling_strategy": {"node_affinity_scheduling_strategy": {"node_id": HOME, **how}}}


IN_GROUP: Row = {
    "scheduling_strategy": {"placement_group_scheduling_strategy": {"placement_group_id": GROUP}},
}


def exited(told: Tale, worker: str = WORKER, **how: Any) -> Tale:
    return told.event("worker", "exited", {"worker": worker}, NODE, **how)


def left(told: Tale, worker: str) -> Tale:
    return told.event("note", "owner left", {"worker": worker}, HOME)


def killed(told: Tale, actor: str = ACTOR) -> Tale:
    return told.call("KillActorViaGcs", {"actor_id": actor})


def specced(told: Tale, actor: str = ACTOR, **how: Any) -> Tale:
    """The actor's task spec is written."""
    return told.write("ACTOR_TASK_SPEC", actor, {}, **how)


def died(told: Tale) -> Tale:
    return told.write("ACTOR", ACTOR, {"state": "DEAD"})


def given_up(told: Tale) -> Tale:
    return told.write("NODE", NODE, {"state": "DEAD"})


def registered() -> Tale:
    return tale().call("AddJob", {"data": {"job_id": JOB}}).call("RegisterActor", spec())


def finished(told: Tale) -> Tale:
    return told.call("MarkJobFinished", {"job_id": JOB})


LEASE = {"fields": {"lease_spec": {"actor_id": ACTOR}}}
PUSH = {"fields": {"task_spec": {"actor_creation_task_spec": {"actor_id": ACTOR}}}}
BENT = {**PUSH, "script": "refuse"}
