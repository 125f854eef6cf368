"""The clauses of the core as a whole: identity, the store, pubsub, the clock, the layout."""

from __future__ import annotations

import copy

import pytest

from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import config, layout
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev
from reference_gcs.world import (
    JOB,
    NODE,
    OWNER,
    World,
    actor_id,
    actor_spec,
    created,
    fail_worker,
    node,
    populated,
)

ACTOR = m.ActorTableData


def test_the_cluster_id_outlives_restarts() -> None:
    world = World()
    first = world.ask("GetClusterId").cluster_id
    world.start()
    assert len(first) == 28 and world.ask("GetClusterId").cluster_id == first


def test_a_wrong_cluster_id_is_refused_without_effect() -> None:
    world = World()
    request = m.RegisterNodeRequest(node_info=node())
    world.feed(ev.Request(900, "NodeInfoGcsService.RegisterNode", request, cluster_id="00" * 28))
    refused = world.replies[900]
    assert isinstance(refused, fx.Reject) and refused.code == "UNAUTHENTICATED"
    assert not world.ask("GetAllNodeInfo").node_info_list


def test_a_reply_waits_for_the_store() -> None:
    world = populated()
    world.hold_store = True
    call = world.call("RegisterActor", task_spec=actor_spec(1, "x"))
    repeat = world.call("RegisterActor", task_spec=actor_spec(1, "x"))
    rival = world.call("RegisterActor", task_spec=actor_spec(2, "x"))
    assert not {call, repeat, rival} & set(world.replies)
    assert not world.ask("GetActorInfo", actor_id=actor_id(1)).HasField("actor_table_data")
    assert world.ask("GetNamedActorInfo", name="x", ray_namespace="n").status.code == Code.NOT_FOUND
    world.release_store()
    assert world.replies[call].status.code == Code.OK  # type: ignore[union-attr]
    assert world.replies[repeat].status.code == Code.OK  # type: ignore[union-attr]
    assert world.replies[rival].status.code == Code.ALREADY_EXISTS  # type: ignore[union-attr]


def test_a_prefix_sweeps_its_own_namespace_alone() -> None:
    world = World()
    cluster = world.ask("GetClusterId").cluster_id
    for namespace in (b"n", b"o"):
        world.ask("InternalKVPut", key=b"k", value=b"v", namespace=namespace)
    world.ask("InternalKVDel", key=b"k", namespace=b"n", del_by_prefix=True)
    assert not world.ask("InternalKVKeys", prefix=b"k", namespace=b"n").results
    assert list(world.ask("InternalKVKeys", prefix=b"k", namespace=b"o").results) == [b"k"]
    world.start()
    assert world.ask("GetClusterId").cluster_id == cluster


def test_a_second_poll_releases_the_first_and_unacked_messages_stay() -> None:
    world = World()
    channel = m.Command(channel_type=m.GCS_JOB_CHANNEL, subscribe_message=m.SubMessage())
    world.ask(
        "ControlPlanePubSubGcsService.GcsSubscriberCommandBatch", subscriber_id=OWNER, commands=[channel]
    )
    poll = "ControlPlanePubSubGcsService.GcsSubscriberPoll"
    first = world.call(poll, subscriber_id=OWNER)
    second = world.call(poll, subscriber_id=OWNER)
    assert not world.replies[first].pub_messages  # type: ignore[union-attr]
    world.ask("AddJob", data=m.JobTableData(job_id=JOB))
    told = world.replies[second]
    again = world.ask(poll, subscriber_id=OWNER)
    assert told.pub_messages == again.pub_messages  # type: ignore[union-attr]
    last = again.pub_messages[-1].sequence_id
    acked = world.call(
        poll, subscriber_id=OWNER, publisher_id=again.publisher_id, max_processed_sequence_id=last
    )
    assert acked not in world.replies


def test_a_store_that_fails_ends_the_process_without_an_ack() -> None:
    world = World()
    world.hold_store = True
    call = world.call("InternalKVPut", key=b"k", value=b"v")
    world.feed(ev.StoreFailed(world.held[0][0], "gone"))
    assert world.exited is not None and call not in world.replies


def test_the_state_can_be_copied() -> None:
    world = populated()
    created(world)
    twin = copy.deepcopy(world.gcs)
    fail_worker(world, created(world))
    assert twin.actors.live[actor_id(1)].row.state == ACTOR.ALIVE


def test_layout() -> None:
    assert layout.redis_key("", "KV") == b"RAY@KV"
    assert layout.kv_field(b"n", b"k") == b"@namespace_n:k" and layout.kv_field(b"", b"k") == b"k"


def test_config_from_list_and_environment() -> None:
    settled = config.settle('{"health_check_period_ms": 1}', {"RAY_health_check_period_ms": "7"})
    assert settled.seconds("health_check_period_ms") == 0.007
    with pytest.raises(ValueError, match="@"):
        config.settle('{"external_storage_namespace": "a@b"}', {})


def test_the_same_events_give_the_same_effects() -> None:
    def run() -> list[str]:
        world = populated()
        for number in range(5):
            created(world, number, restarts=1)
        world.ask("UnregisterNode", node_id=NODE)
        return [str(one) for one in world.sent]

    assert run() == run()


def test_a_damaged_row_does_not_keep_the_port_closed() -> None:
    world = populated()
    world.tables[layout.ACTOR] = {actor_id(7): b"\xff\xff"}
    world.start()
    assert world.open and world.tables[layout.ACTOR]
