"""An actor that is DEAD for no reason is told; one that was asked to end, or lost what it lived by, is not."""

from __future__ import annotations

import pytest

from harness.check.asked import (
    ACTOR,
    BENT,
    DRIVER,
    GROUP,
    HOME,
    IN_GROUP,
    JOB,
    MAKER,
    NIL,
    NODE,
    OTHER,
    OWNER,
    PARENT,
    PUSH,
    ROOT,
    alive,
    bound_to,
    created,
    died,
    exited,
    finished,
    held,
    in_bundle,
    killed,
    left,
    living,
    made,
    registered,
    rooted,
    spec,
    specced,
)
from harness.check.ruling import Finding
from harness.check.tale import tale
from harness.check.unasked import unasked

ENDED, DETACHED = "an actor is DEAD for no reason", "a detached actor is DEAD for no reason"
BROKEN = {
    "an actor dies": (died(living()), ENDED),
    "an actor whose owner was out of reach": (
        died(living().event("raylet", "disconnected", {}, HOME)),
        ENDED,
    ),
    "a detached actor ends with its job": (
        died(finished(living(detached=True))),
        DETACHED,
    ),
    "a detached actor's child ends with its job": (
        died(finished(living(root=ROOT))),
        ENDED,
    ),
    "an actor is killed only later": (killed(died(living())), ENDED),
    "its node is killed long after": (
        died(living()).event("raylet", "killed", {}, NODE, at=11.8),
        ENDED,
    ),
    "another node is killed": (died(living().event("raylet", "killed", {}, OTHER)), ENDED),
    "its worker exits a moment later": (exited(died(living()), at=11.5), ENDED),
    "a raylet deviates only later": (died(living()).event("order", "PushTask", BENT, NODE), ENDED),
    "a raylet deviates with another actor": (
        died(living().event("order", "PushTask", {"fields": {"actor_id": ROOT}, "script": "refuse"}, NODE)),
        ENDED,
    ),
    "a raylet obeys": (died(living().event("order", "PushTask", PUSH, NODE)), ENDED),
    "a group that was made": (died(living(made(), **IN_GROUP)), ENDED),
    "the last bundle of a group": (died(living(made(bundles=[{}, {}]), **in_bundle(1))), ENDED),
    "any bundle of a group": (died(living(made(), **in_bundle(-1))), ENDED),
    "no group": (died(living(**in_bundle(0, NIL))), ENDED),
    "a detached group whose job is finished": (
        died(living(made(is_detached=True), **IN_GROUP).call("MarkJobFinished", {"job_id": MAKER[-8:]})),
        ENDED,
    ),
    "a detached group whose creator is killed": (
        died(killed(living(made(is_detached=True), **IN_GROUP), MAKER)),
        ENDED,
    ),
    "a node that was only preferred": (died(living(**bound_to(soft=True))), ENDED),
    "a detached actor whose owner left before it was to be created, and after its end": (
        left(died(tale().call("RegisterActor", spec(detached=True))), OWNER),
        DETACHED,
    ),
    "an actor dies, and before it one that nobody could ask for any more": (
        died(
            living(
                left(
                    tale().call("RegisterActor", spec(ROOT, detached=True, caller_address={"worker_id": PARENT})),
                    PARENT,
                ).write("ACTOR", ROOT, {"state": "DEAD"})
            )
        ),
        ENDED,
    ),
    "a detached actor without a job": (
        tale().call("RegisterActor", spec(detached=True)).write("ACTOR", ACTOR, {"state": "DEAD"}),
        DETACHED,
    ),
    "a detached actor whose owner left": (
        died(left(living(detached=True), OWNER)),
        DETACHED,
    ),
    "nobody left": (died(left(living(caller_address={"worker_id": NIL, "node_id": ""}), NIL)), ENDED),
    "its task spec was refused, and stored before": (
        died(specced(specced(living()), applied=False)),
        ENDED,
    ),
    "its task spec was refused only later": (specced(died(living()), applied=False), ENDED),
    "its task spec was never answered": (died(specced(living(), applied=False, took=None)), ENDED),
    "another actor's task spec was refused": (died(specced(living(), ROOT, applied=False)), ENDED),
    "it is told by a message": (
        living().message("GCS_ACTOR_CHANNEL", ACTOR, {"state": "DEAD"}),
        ENDED,
    ),
    "it is told by a reader": (
        living().call("GetActorInfo", {}, {"actor_table_data": {"actor_id": ACTOR, "state": "DEAD"}}),
        ENDED,
    ),
}  # fmt: skip
FINE = {
    "its task spec was refused": died(specced(registered(), applied=False)),
    "killed": died(living().call("KillActorViaGcs", {"actor_id": ACTOR})),
    "out of scope": died(living().call("ReportActorOutOfScope", {"actor_id": ACTOR})),
    "its job is finished": died(finished(living())),
    "its owner left": died(living().event("note", "owner left", {"worker": OWNER}, HOME)),
    "its owner left before it was to be created": died(
        left(tale().call("RegisterActor", spec(detached=True)), OWNER)
    ),
    "its owner's node is dead": died(living().write("NODE", HOME, {"state": "DEAD"})),
    "its worker exited": died(exited(held(created()))),
    "its worker exited, by its row": died(exited(alive(created()))),
    "the second worker that it was given exited": died(exited(held(held(created()), DRIVER), DRIVER)),
    "its node was killed at that moment": died(living()).event("raylet", "killed", {}, NODE, at=11.6),
    "its node was killed, by its row": died(alive(created()).event("raylet", "killed", {}, NODE)),
    "its owner left, who is not the driver": died(left(living(caller_address={"worker_id": PARENT}), PARENT)),
    "its driver left, who is not the owner": died(left(living(caller_address={"worker_id": PARENT}), OWNER)),
    "its owner's node ended": died(
        living(caller_address={"worker_id": PARENT, "node_id": OTHER}).event("raylet", "killed", {}, OTHER)
    ),
    "its owner's raylet ended": died(
        living(caller_address={"worker_id": PARENT, "raylet_id": OTHER}).event("raylet", "killed", {}, OTHER)
    ),
    "nobody is its owner": died(finished(living(caller_address={}))),
    "a job that was added again elsewhere": died(
        left(
            living(caller_address={}).call(
                "AddJob", {"data": {"job_id": JOB, "driver_address": {"worker_id": PARENT}}}
            ),
            OWNER,
        )
    ),
    "its job is finished, and it is its own root": died(finished(living(root=ACTOR))),
    "its root's worker exited": died(exited(held(living(rooted(), root=ROOT), PARENT, ROOT), PARENT)),
    "killed, though its root lives": died(killed(living(rooted(), root=ROOT))),
    "killed, with a root that is its child": died(
        killed(living(tale().call("RegisterActor", spec(ROOT, root=ACTOR)), root=ROOT))
    ),
    "killed, in a group": died(killed(living(made(), **IN_GROUP))),
    "its group was removed": died(
        living(made(), **IN_GROUP).call("RemovePlacementGroup", {"placement_group_id": GROUP})
    ),
    "its group's job is finished": died(
        living(made(), **IN_GROUP).call("MarkJobFinished", {"job_id": MAKER[-8:]})
    ),
    "its group's creator is killed": died(killed(living(made(), **IN_GROUP), MAKER)),
    "its group's driver left": died(left(living(made(), **IN_GROUP), DRIVER)),
    "its group was made only later": made(died(living(**IN_GROUP))),
    "its group was refused": died(
        living(
            tale().call(
                "CreatePlacementGroup",
                {"placement_group_spec": {"placement_group_id": GROUP, "bundles": [{}]}},
                outcome="refused",
            ),
            **IN_GROUP,
        )
    ),
    "its group has no such bundle": died(living(made(), **in_bundle(1))),
    "its group has no bundles": died(living(made(bundles=()), **IN_GROUP)),
    "it had to live on a certain node": died(living(**bound_to())),
    "its creation was refused twice": died(living().event("order", "PushTask", BENT, NODE)).event(
        "order", "PushTask", BENT, NODE
    ),
    "it ends when the store has lost its rows": died(living().event("store", "lost")),
    "its root is dead": died(living(root=ROOT).call("KillActorViaGcs", {"actor_id": ROOT})),
    "its group was never made": died(living(**IN_GROUP)),
    "its creation was refused": died(living().event("order", "PushTask", BENT, NODE)),
    "an actor without a job": tale().call("RegisterActor", spec()).write("ACTOR", ACTOR, {"state": "DEAD"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_an_actor_that_ends_for_no_reason_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert [one.signature for one in unasked(told.story()).violations] == [signature]


@pytest.mark.parametrize("name", FINE)
def test_an_actor_that_ends_for_a_reason_is_fine(name: str) -> None:
    ruling = unasked(FINE[name].story())
    assert ruling.violations == ()
    assert ruling.finding is Finding.HELD
