"""Drains: who is asked, what is answered, what is kept away, and as what a node dies."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import actor_death, drain, nodes, placing
from reference_gcs.core.state import NOTHING, Gcs
from reference_gcs.mutants.registry import SCENARIO, Original, mutant

DRAINING = "test_draining.py::"


@mutant(
    placing._usable,
    breaks="N7",
    seen_by=("drains", SCENARIO),
    cases=[DRAINING + "test_nothing_new_is_placed_on_a_node_that_drains[no restart]"],
)
def places_bundles_on_nodes_that_drain(_usable: Original, gcs: Gcs, node_id: bytes) -> bool:
    """Takes a node that drains for one like any other."""
    return node_id in gcs.nodes.alive and node_id not in gcs.nodes.retiring


@mutant(
    drain.deadline,
    breaks="N7 N9",
    seen_by=("drains", SCENARIO),
    cases=[
        DRAINING + "test_nothing_new_is_placed_on_a_node_that_drains[gcs killed]",
        DRAINING + "test_the_deadline_of_a_drain_is_known_again_after_a_restart",
    ],
)
def forgets_drains_at_a_restart(_deadline: Original, gcs: Gcs, node_id: bytes) -> int | None:
    """Does not read in a node's view that it drains."""
    request = gcs.nodes.draining.get(node_id)
    return None if request is None else int(request.deadline_timestamp_ms)


@mutant(
    drain._decided,
    breaks="N8",
    seen_by=("drains", SCENARIO),
    cases=[DRAINING + "test_a_busy_node_is_not_ended_as_idle_and_nothing_changes[no restart]"],
)
def accepts_drains_that_raylets_refuse(
    decided: Original, gcs: Gcs, call: int, request: Any, reply: Any
) -> None:
    """Answers every drain as accepted, whatever the raylet says."""
    decided(gcs, call, request, None if reply is None else m.DrainRayletReply(is_accepted=True))


@mutant(
    drain.drain_node,
    breaks="N8 A8",
    seen_by=("drains", SCENARIO),
    cases=[DRAINING + "test_a_refused_drain_gives_no_restart_for_nothing[no restart]"],
)
def marks_actors_before_the_raylet_decides(drain_node: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Stores the actors of a node as preempted as soon as somebody asks for its drain."""
    barrier = gcs.barrier(NOTHING)
    actor_death.preempt(gcs, request.node_id, barrier)
    gcs.release(barrier)
    drain_node(gcs, call, request)


@mutant(
    nodes.unregister_node,
    breaks="N9",
    seen_by=("drains", SCENARIO),
    cases=[DRAINING + "test_an_idle_node_leaves_as_idle"],
)
def forgets_why_a_node_left(unregister: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Stores each node that says goodbye as one that was ended in order."""
    request.node_death_info.reason = m.NodeDeathInfo.EXPECTED_TERMINATION
    unregister(gcs, call, request)


@mutant(
    drain.death_of,
    breaks="N9",
    seen_by=("drains", SCENARIO),
    cases=[DRAINING + "test_a_node_that_fails_after_its_deadline_was_preempted[no restart]"],
)
def forgets_preemptions_that_were_due(_death_of: Original, _gcs: Gcs, _node_id: bytes) -> m.NodeDeathInfo:
    """Takes a node that was taken away for one that broke down."""
    return m.NodeDeathInfo(reason=m.NodeDeathInfo.UNEXPECTED_TERMINATION, reason_message=drain.SILENT)


@mutant(
    drain.drain_nodes,
    breaks="N10",
    seen_by=(SCENARIO,),
    cases=[DRAINING + "test_the_older_word_ends_nodes_in_order"],
)
def leaves_nodes_that_are_to_shut_down(_drain_nodes: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Names the nodes that are to shut down, and tells none of them."""
    reply = m.DrainNodeReply()
    for one in request.drain_node_data:
        reply.drain_node_status.add(node_id=one.node_id)
    gcs.reply(call, reply)
