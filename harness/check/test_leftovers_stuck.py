"""What stands still at rest although it could go on is told; what waits for something is not."""

from __future__ import annotations

import pytest

from harness.check.leftovers import BOUND, leftovers
from harness.check.rested import (
    ACTOR,
    BOOK,
    GROUP,
    HEAD,
    NODE,
    OTHER,
    SECOND,
    SPEC,
    actor,
    book,
    commit,
    ended,
    freed,
    group,
    lease,
    looked,
    pending,
    registered,
    restarting,
    stored,
    sweep,
    unreadable,
    wanting,
)
from harness.check.tale import tale

PREPARED, PENDING = "a group is PREPARED for ever", "a group is PENDING for ever"
RESTARTING = "an actor is RESTARTING for ever"
FAR = {NODE: BOOK, HEAD: {"state": "disconnected", "available": {"CPU": 9.0}}}
BROKEN = {
    "a PREPARED group": (looked(stored(tale(), "PREPARED"), **group("PREPARED")), PREPARED),
    "a PENDING group": (looked(stored(tale(), "PENDING"), **group("PENDING")), PENDING),
    "a RESTARTING actor": (looked(restarting(), **actor("RESTARTING")), RESTARTING),
    "a PREPARED group that is stored anew": (
        looked(stored(stored(tale(), "PREPARED"), "PREPARED", at=60.0), 1.0, **group("PREPARED")),
        PREPARED,
    ),
    "a PREPARED group that is stored otherwise after the look": (
        stored(looked(stored(tale(), "PREPARED"), **group("PREPARED")), "CREATED"),
        PREPARED,
    ),
    "a PREPARED group of two living nodes": (
        looked(
            stored(tale(), "PREPARED"),
            books={NODE: BOOK, HEAD: BOOK},
            nodes={NODE: {"state": "ALIVE"}, HEAD: {"state": "ALIVE"}},
            **group("PREPARED", NODE, HEAD),
        ),
        PREPARED,
    ),
    **{
        f"a PREPARED group, though {why}": (looked(stored(told, "PREPARED"), **group("PREPARED")), PREPARED)
        for why, told in {
            "a raylet refused once to commit it": commit(tale(), "fail"),
            "another node takes its time": commit(tale(), node=HEAD),
            "its node answers in the end": ended(commit(tale())),
            "its node took its time to prepare it": tale().event(
                "order", "PrepareBundleResources", {"seq": 1, "outcome": "received", "script": "delay"}, NODE
            ),
            "its node took its time in the life before": commit(tale()).restart(),
        }.items()
    },
    "a group PENDING long enough": (
        looked(stored(tale(), "PENDING", took=0.5, at=2.0), 15.0, **group("PENDING")),
        PENDING,
    ),
    "a PENDING group, for which a worker made room long before": (freed("worker", "exited", 2.6), PENDING),
    "a PENDING group, and a worker that starts": (freed("worker", "started", 1.0), PENDING),
    "a PENDING group, and a worker that exits elsewhere": (freed("worker", "exited", 1.0, HEAD), PENDING),
    "a PENDING group, and a node that refused to drain": (freed("drain", "refused", 16.0), PENDING),
    "a PENDING group, and another node that drains": (freed("drain", "accepted", 16.0, HEAD), PENDING),
    "a PENDING group, and a drain after the look": (pending().event("drain", "accepted", {}, NODE), PENDING),
    "a PENDING group that wants all there is": (looked(wanting("CPU", 2.0), **group("PENDING")), PENDING),
    "a PENDING group, though a dead node is away": (
        pending(books=FAR, nodes={NODE: {"state": "ALIVE"}, HEAD: {"state": "DEAD"}}),
        PENDING,
    ),
    "a PENDING group, though the first node is full": (
        pending(
            books={HEAD: book(CPU=0.0), NODE: BOOK},
            nodes={NODE: {"state": "ALIVE"}, HEAD: {"state": "ALIVE"}},
        ),
        PENDING,
    ),
    "a PENDING group, though a sweep took its time": (pending(ended(sweep(tale()))), PENDING),
    "a PENDING group, though a life before was never answered": (pending(sweep(tale()).restart()), PENDING),
    "a PENDING group, though a sweep comes after the look": (sweep(pending()), PENDING),
    "a PENDING group, though the answer to a sweep that was in order is not in the record": (
        pending(sweep(tale(), script="")),
        PENDING,
    ),
    "a PENDING group, though a node keeps an order to itself": (
        pending(tale().event("order", "PushTask", {"seq": 1, "outcome": "received", "script": "mute"}, NODE)),
        PENDING,
    ),
    "a PENDING group, though another node was not swept": (pending(sweep(tale(), node=HEAD)), PENDING),
    "a RESTARTING actor for which only the life before sought a worker": (
        looked(lease(registered().write("ACTOR", ACTOR, {"state": "RESTARTING"})).restart(), **actor("RESTARTING")),
        RESTARTING,
    ),
    "a RESTARTING actor for which a worker is sought after the look": (
        lease(looked(restarting(), **actor("RESTARTING"))),
        RESTARTING,
    ),
    "a RESTARTING actor, while a worker is sought for another": (
        looked(lease(restarting(), SECOND), **actor("RESTARTING")),
        RESTARTING,
    ),
    "a RESTARTING actor, when a raylet deviated in the life before": (
        looked(
            lease(registered().write("ACTOR", ACTOR, {"state": "RESTARTING"}), SECOND)
            .event("order", "PushTask", {"script": "mute"}, NODE)
            .restart(),
            **actor("RESTARTING"),
        ),
        RESTARTING,
    ),
    "a RESTARTING actor that needs nothing": (
        looked(
            tale()
            .call("RegisterActor", {"task_spec": {"actor_creation_task_spec": {"actor_id": ACTOR}}})
            .write("ACTOR", ACTOR, {"state": "RESTARTING"}),
            **actor("RESTARTING"),
        ),
        RESTARTING,
    ),
    "a PENDING group that wants nothing": (looked(stored(tale(), "PENDING", wants={}), **group("PENDING")), PENDING),
    "a PENDING group, and a sweep that was answered long ago": (
        looked(ended(sweep(stored(tale(), "PENDING"), at=2.0), at=40.0), 15.0, **group("PENDING")),
        PENDING,
    ),
    "a RESTARTING actor of the one life there is": (
        looked(registered().write("ACTOR", ACTOR, {"state": "RESTARTING"}), **actor("RESTARTING")),
        RESTARTING,
    ),
}  # fmt: skip
SWEPT_LATE = {
    outcome: ended(sweep(stored(tale(), "PENDING"), at=2.0), outcome, at=40.0)
    for outcome in ("answered", "refused", "caller gone", "lost")
}
FINE = {
    "a group that has room on a node that drains": freed("drain", "accepted", 16.0),
    "a group for which a worker has just made room": freed("worker", "exited", 2.4),
    "a group for which another one has just made room": freed("bundle", "returned", 2.4),
    **{
        f"a group PENDING, and a sweep that was {outcome} not so long ago": looked(told, 9.0, **group("PENDING"))
        for outcome, told in SWEPT_LATE.items()
    },
    "a group PREPARED just now": looked(stored(tale(), "PREPARED"), 1.0, **group("PREPARED")),
    "a group that has no room": looked(
        stored(tale(), "PENDING"), **group("PENDING"), available={NODE: {"CPU": 0.5}}
    ),
    "a group PENDING not so long": looked(stored(tale(), "PENDING"), 9.0, **group("PENDING")),
    "an actor that waits at a raylet": looked(
        lease(restarting()), **actor("RESTARTING")
    ),
    "a node that is ALIVE and gone": looked(
        restarting(), **actor("RESTARTING"), nodes={NODE: {"state": "ALIVE"}, HEAD: {"state": "ALIVE"}}
    ),
    "a group PREPARED just now, and PENDING before": looked(
        stored(stored(tale(), "PENDING"), "PREPARED", at=60.0), 1.0, **group("PREPARED")
    ),
    "a PREPARED group whose node takes its time to commit it": looked(
        stored(commit(tale()), "PREPARED"), **group("PREPARED")
    ),
    "a PREPARED group whose node never says that it committed it": looked(
        stored(commit(tale(), "mute"), "PREPARED"), **group("PREPARED")
    ),
    "a PREPARED group that nobody stored": looked(tale(), **group("PREPARED")),
    "a PREPARED group of no node": looked(
        stored(tale(), "PREPARED"), groups={GROUP: {"state": "PREPARED", "nodes": []}}
    ),
    "a PREPARED group of a node that is gone": looked(stored(tale(), "PREPARED"), **group("PREPARED", NODE, HEAD)),
    "a PREPARED group of which nobody knows how it is stored now": looked(
        unreadable(stored(unreadable(stored(stored(tale(), "PREPARED"), "PREPARED")), "PREPARED", at=60.0)),
        1.0,
        **group("PREPARED"),
    ),
    "a group of two bundles": looked(stored(tale(), "PENDING", 2), **group("PENDING")),
    "a group of which nobody knows how many bundles it has": looked(
        unreadable(stored(tale(), "PENDING")), **group("PENDING")
    ),
    "a group PENDING, and a raylet that came back not so long ago": pending(
        tale().event("raylet", "reachable", {}, NODE, at=40.0), 9.0
    ),
    "a group that has no room at the raylet": pending(books={NODE: book(CPU=0.5)}),
    "a group that wants what the raylet alone has": looked(
        wanting("GPU", 1.0), books={NODE: book(GPU=1.0)}, **group("PENDING")
    ),
    "a group that wants what the GCS alone knows of": looked(
        wanting("GPU", 1.0), available={NODE: {"GPU": 1.0}}, **group("PENDING")
    ),
    "a group that has room on a node of which nothing is told": pending(available={}),
    "a group that has room on a dead node": pending(nodes={NODE: {"state": "DEAD"}}),
    "a group that has room on a node out of reach": pending(books={NODE: book("disconnected", CPU=2.0)}),
    "a node that has answered another order": pending(ended(sweep(tale()), seq=2)),
    "a node that is not the one that answered": pending(ended(sweep(tale()), node=HEAD)),
    "a node that has not answered its sweep": pending(sweep(tale())),
    "a node whose answer was lost": pending(ended(sweep(tale()), "lost")),
    "a node whose sweep comes after one of a life before": pending(
        sweep(tale().event("order", "PushTask", {"seq": 7}, NODE).restart())
    ),
    "an actor that waits at a raylet when it is looked at": looked(
        lease(restarting(), at=64.0), 0.0, **actor("RESTARTING")
    ),
    "an actor RESTARTING just now": looked(
        registered().write("ACTOR", ACTOR, {"state": "RESTARTING"}, at=60.0), 1.0, **actor("RESTARTING")
    ),
    "a RESTARTING actor of which nothing is stored, when a worker was sought": looked(
        lease(registered(), at=0.5), **actor("RESTARTING")
    ),
    "a RESTARTING actor whose GCS came back just now": looked(restarting(), 1.0, **actor("RESTARTING")),
    "an actor that needs more than there is": looked(
        restarting(required_resources={"CPU": 3.0}), **actor("RESTARTING")
    ),
    "a RESTARTING actor, when a raylet deviated": looked(
        restarting().event("order", "PushTask", {"script": "mute"}, NODE), **actor("RESTARTING")
    ),
    **{
        f"a RESTARTING actor that is bound by its {one}": looked(
            restarting(scheduling_strategy={one: {"any": 1}}), **actor("RESTARTING")
        )
        for one in BOUND
    },
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_stands_still_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert [one.signature for one in leftovers(told.story()).violations] == [signature]


@pytest.mark.parametrize("name", FINE)
def test_what_may_wait_is_fine(name: str) -> None:
    assert leftovers(FINE[name].story()).violations == ()


JUDGED = {
    "a RESTARTING actor": (FINE["an actor that waits at a raylet"], 1),
    "one that registers twice": (
        looked(lease(restarting().call("RegisterActor", {"task_spec": SPEC})), **actor("RESTARTING")),
        2,
    ),
    "a PREPARED group": (BROKEN["a PREPARED group"][0], 1),
    "a PENDING group": (BROKEN["a PENDING group"][0], 1),
    "two torn groups": (
        looked(
            stored(tale(), "PENDING", 2).write("PLACEMENT_GROUP", OTHER, {"state": "PREPARED"}),
            groups={
                GROUP: {"state": "PENDING", "nodes": []},
                OTHER: {"state": "PREPARED", "nodes": []},
            },
        ),
        2,
    ),
    "two groups, the other way round": (
        looked(
            stored(tale(), "PENDING", 2).write("PLACEMENT_GROUP", OTHER, {"state": "PREPARED"}),
            groups={
                OTHER: {"state": "PREPARED", "nodes": []},
                GROUP: {"state": "PENDING", "nodes": []},
            },
        ),
        2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JUDGED)
def test_each_thing_is_judged(name: str) -> None:
    told, judged = JUDGED[name]
    assert leftovers(told.story()).judged == judged


def test_what_proves_that_it_stands_still_is_told() -> None:
    def told(name: str) -> tuple[str, tuple[str, ...]]:
        [found] = leftovers(BROKEN[name][0].story()).violations
        return found.detail, found.events

    assert told("a PREPARED group") == (f"group {GROUP}, since 1.100000", ("e4",))
    said = f"group {GROUP}, since 1.100000; node {NODE} has room for it"
    assert told("a PENDING group") == (said, ("e4",))
    said = f"actor {ACTOR}, since 5.100000; node {NODE} has room for it"
    assert told("a RESTARTING actor") == (said, ("e4", "e4-end", "e9"))


def test_what_else_there_is_hides_nothing_that_stands_still() -> None:
    bound = {**SPEC, "scheduling_strategy": {BOUND[0]: {"any": 1}}}
    living = {"actor_creation_task_spec": {"actor_id": SECOND}}
    told = tale().call("CheckAlive", {"task_spec": SPEC}).call("RegisterActor", {"task_spec": bound})
    told.call("RegisterActor", {"task_spec": living}).call("RegisterActor", {"task_spec": SPEC}, id="left")
    told.write("ACTOR", ACTOR, {"state": "RESTARTING"})
    seen = {SECOND: {"state": "ALIVE"}, ACTOR: {"state": "RESTARTING"}}
    [found] = leftovers(looked(told, actors=seen).story()).violations
    assert found.events[0] == "left"

    rows = {one: {"state": "PREPARED", "nodes": [NODE]} for one in (OTHER, GROUP)}
    [found] = leftovers(looked(stored(tale(), "PREPARED"), groups=rows).story()).violations
    assert GROUP in found.detail
