"""Limits of listings, as gcs_server 2.60.0 and 2.49.2 were seen to take them."""

from __future__ import annotations

import pytest

from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.world import actor_spec, node, populated


@pytest.mark.parametrize(("limit", "listed"), [(-1, 2), (0, 2), (1, 1), (3, 2)])
def test_nodes_and_actors_take_a_limit_that_is_not_positive_for_none(limit: int, listed: int) -> None:
    world = populated()
    world.ask("RegisterNode", node_info=node(b"\x07" * 28))
    for number in (1, 2):
        world.ask("RegisterActor", task_spec=actor_spec(number, f"name {number}"))
    nodes = world.ask("GetAllNodeInfo", limit=limit)
    assert (len(nodes.node_info_list), nodes.total, nodes.num_filtered) == (listed, 2, 2 - listed)
    assert len(world.ask("GetAllNodeAddressAndLiveness", limit=limit).node_info_list) == listed
    assert len(world.ask("GetAllActorInfo", limit=limit).actor_table_data) == listed


def test_jobs_take_zero_for_none_of_them_and_refuse_less() -> None:
    world = populated()
    assert not world.ask("GetAllJobInfo", limit=0).job_info_list
    assert world.ask("GetAllJobInfo", limit=-1).status.code == Code.INVALID
    assert isinstance(world.ask("GetAllJobInfo", limit=1), m.GetAllJobInfoReply)
