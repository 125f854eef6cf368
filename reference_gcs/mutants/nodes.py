"""Nodes: who lives, who is dead, who is the head."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import actor_death, nodes, recovery
from reference_gcs.core.happenings import NodeGone, NodeSilent
from reference_gcs.core.state import Gcs
from reference_gcs.mutants.registry import SCENARIO, Original, mutant

NODES = "test_nodes.py::"


@mutant(
    nodes.give_up,
    breaks="N1 N2",
    seen_by=(SCENARIO,),
    cases=[NODES + "test_a_node_that_died_in_the_outage_is_declared_dead"],
)
def never_declares_a_dead_node_dead(_give_up: Original, _gcs: Gcs, _silent: NodeSilent) -> None:
    """Keeps a node ALIVE that answers no health check."""


@mutant(
    recovery._recovered,
    breaks="N3",
    seen_by=("two-state raylet", SCENARIO),
    cases=["test_reconnect.py::test_back_at_once_every_raylet_reconnects_without_registering_again", NODES + "test_a_living_node_is_never_declared_dead_over_restarts"],
)  # fmt: skip
def declares_a_living_node_dead(recovered: Original, gcs: Gcs, outcome: Any) -> None:
    """Gives a node up at each restart, before it has been asked."""
    recovered(gcs, outcome)
    if len(gcs.nodes.alive) > 1:
        gcs.happen(NodeSilent(max(gcs.nodes.alive)))


@mutant(
    nodes._retire_other_heads,
    breaks="N4",
    seen_by=("nothing left over", SCENARIO),
    cases=[NODES + "test_a_new_head_retires_one_that_still_runs"],
)
def keeps_two_heads(_retire: Original, _gcs: Gcs, _node_id: bytes) -> None:
    """Leaves the old head node ALIVE when a new one registers."""


@mutant(
    nodes.check_alive,
    breaks="N6",
    seen_by=("CheckAlive", SCENARIO),
    cases=[NODES + "test_check_alive_answers_one_for_one_in_order"],
)
def answers_check_alive_out_of_order(_check: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Answers CheckAlive from the last node of the request to the first."""
    alive = [one in gcs.nodes.alive for one in reversed(request.node_ids)]
    gcs.reply(call, m.CheckAliveReply(ray_version="2.60.0", raylet_alive=alive, is_leader=True))


@mutant(
    actor_death._node_gone,
    breaks="N2",
    seen_by=("agreement", SCENARIO),
    cases=["test_reconnect.py::test_past_the_limit_the_node_fails_and_its_work_moves"],
)
def leaves_actors_on_dead_nodes(_node_gone: Original, _gcs: Gcs, _gone: NodeGone) -> None:
    """Leaves the actors of a dead node ALIVE."""


@mutant(
    nodes.register_node,
    breaks="I4 I5",
    seen_by=(SCENARIO,),
    cases=[NODES + "test_registering_a_node_again_keeps_one_node", "test_durability.py::test_asked_again_after_its_answer_it_has_no_second_effect[register_node]"],
)  # fmt: skip
def refuses_a_node_that_registers_again(register: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Calls a node that registers again a stranger with a stolen id."""
    if request.node_info.node_id in gcs.nodes.alive:
        gcs.reject(call, "ALREADY_EXISTS", "this node is there already")
    else:
        register(gcs, call, request)
