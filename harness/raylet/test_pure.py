"""Small pure parts: lines, journals, scripts, the view of others, a worker's answers."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.raylet import jsonline
from harness.raylet.books import demand_of
from harness.raylet.cluster_view import ClusterView, Place
from harness.raylet.drain import Drain, decide
from harness.raylet.gcs_client import cancelled
from harness.raylet.orders import Journal
from harness.raylet.scripts import Script, Scripts
from harness.raylet.worker import Worker
from harness.raylet.workers import claim
from harness.wire import messages as m

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


# On a busy machine drawing is slow, and that is no fault of lines.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_lines_carry_bytes(value: object) -> None:
    line = jsonline.pack({"value": value})
    assert line.count(b"\n") == 1
    assert jsonline.unpack(line) == {"value": value}


def test_a_journal_forgets_records_but_not_counts() -> None:
    journal = Journal(kept=2)
    for kind in "aab":
        journal.write(kind)
    journal.tally("c", 5)
    assert [one["seq"] for one in journal.read()] == [2, 3]
    assert [one["seq"] for one in journal.read(["b"])] == [3]
    assert journal.read(since=3) == []
    assert journal.counts() == {"a": 2, "b": 1, "c": 5}


def test_a_script_is_used_up_and_a_method_goes_before_all() -> None:
    scripts = Scripts()
    scripts.set("*", Script("mute"))
    scripts.set("Exit", Script("fail", times=1))
    taken = scripts.take("Exit")
    assert taken is not None
    assert taken.mode == "fail"
    assert scripts.take("Exit") is None
    assert scripts.release("*")
    assert not scripts.release("*")
    with pytest.raises(ValueError, match="no such mode"):
        scripts.set("Exit", Script("explode"))


def test_spilling_goes_where_the_bundle_is_or_where_it_must() -> None:
    view = ClusterView(b"own")
    view.node(b"own", Place("127.0.0.1", 1))
    view.node(b"n1", Place("127.0.0.2", 2))
    view.node(b"n2", Place("127.0.0.3", 3))
    demand = demand_of({"CPU": 1.0}, b"\x01" * 18, 0)
    view.resources(b"n1", 5, {"CPU": 8.0})
    view.resources(b"n2", 5, {"CPU": 0.0, f"CPU_group_0_{'01' * 18}": 1.0})
    assert view.spill(demand) == (b"n2", Place("127.0.0.3", 3))
    assert view.spill(demand_of({"CPU": 1.0})) == (b"n1", Place("127.0.0.2", 2))
    view.resources(b"n1", 4, {})  # older than what we know
    assert view.seen(b"n1") == {"CPU": 8.0}
    assert view.spill(demand_of({"CPU": 99.0}), b"n2") == (b"n2", Place("127.0.0.3", 3))
    view.node(b"n2", None)
    assert view.spill(demand) is None
    assert view.spill(demand, b"n2") is None


def test_a_task_counts_and_its_result_is_its_sum() -> None:
    worker = Worker(b"w")
    assert worker.answer({"op": "start_task", "name": "t"})["ok"]
    for _ in range(10):
        worker.step()
    worker.answer({"op": "start_task", "name": "t"})  # a repeat starts nothing anew
    assert worker.answer({"op": "task_value", "name": "t"})["value"] == 10
    done = worker.answer({"op": "finish_task", "name": "t"})
    assert (done["value"], done["result"]) == (10, 55)
    assert not worker.busy
    assert not worker.answer({"op": "finish_task", "name": "t"})["ok"]


def test_an_actor_pushed_twice_keeps_its_state() -> None:
    worker = Worker(b"w")
    assert not worker.answer({"op": "call", "method": "value"})["ok"]
    worker.answer({"op": "create_actor", "actor_id": b"a", "incarnation": 3})
    worker.answer({"op": "call", "method": "increment", "args": {"by": 5}})
    again = worker.answer({"op": "create_actor", "actor_id": b"a", "incarnation": 4})
    assert (again["incarnation"], again["pushes"]) == (3, 2)
    worker.answer({"op": "call", "method": "put", "args": {"key": "k", "value": [1]}})
    assert worker.answer({"op": "call", "method": "get", "args": {"key": "k"}})["value"] == [1]
    assert worker.answer({"op": "call", "method": "value"})["value"] == 5
    assert not worker.answer({"op": "create_actor", "actor_id": b"b", "incarnation": 1})["ok"]
    assert not worker.answer({"op": "call", "method": "explode"})["ok"]


def test_incarnations_are_counted_in_the_shared_directory(tmp_path: object) -> None:
    assert [claim(str(tmp_path), b"a"), claim(str(tmp_path), b"a"), claim(str(tmp_path), b"b")] == [1, 2, 1]


def test_a_task_that_swallows_a_cancellation_is_asked_again() -> None:
    async def swallows_one() -> None:
        # As a call of gRPC that failed in the same instant.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        await asyncio.get_running_loop().create_future()

    async def scene() -> bool:
        task = asyncio.create_task(swallows_one())
        await asyncio.sleep(0)
        await asyncio.wait_for(cancelled(task, None), 5)
        return task.cancelled()

    assert asyncio.run(scene())


def test_a_failure_within_a_cancelled_task_comes_out() -> None:
    async def fails() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            raise ValueError("a bug")

    async def scene() -> None:
        task = asyncio.create_task(fails())
        await asyncio.sleep(0)
        await cancelled(task)

    with pytest.raises(ValueError, match="a bug"):
        asyncio.run(scene())


IDLE = m.autoscaler.DRAIN_NODE_REASON_IDLE_TERMINATION
PREEMPTION = m.autoscaler.DRAIN_NODE_REASON_PREEMPTION


def test_a_node_that_is_not_idle_refuses_to_end_as_idle() -> None:
    request = m.DrainRayletRequest(reason=IDLE, reason_message="idle for long")
    drain, reply = decide(request, None, idle=False)
    assert drain is None
    assert not reply.is_accepted
    assert reply.rejection_reason_message
    drain, reply = decide(request, None, idle=True)
    assert reply.is_accepted
    assert drain is not None
    assert drain.death() == m.NodeDeathInfo(
        reason=m.NodeDeathInfo.AUTOSCALER_DRAIN_IDLE, reason_message="idle for long"
    )


def test_a_preemption_is_never_refused_and_the_first_drain_counts() -> None:
    request = m.DrainRayletRequest(reason=PREEMPTION, reason_message="taken", deadline_timestamp_ms=5)
    first, reply = decide(request, None, idle=False)
    assert reply.is_accepted
    assert first == Drain(PREEMPTION, "taken", 5)
    assert first.death().reason == m.NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED
    assert decide(m.DrainRayletRequest(reason=IDLE), first, idle=False) == (first, reply)


def test_a_lease_is_not_spilled_to_a_node_that_drains() -> None:
    view = ClusterView(b"me")
    view.node(b"n1", Place("127.0.0.2", 1))
    view.resources(b"n1", 1, {"CPU": 8.0}, draining=True)
    assert view.spill(demand_of({"CPU": 1.0})) is None
    view.resources(b"n1", 2, {"CPU": 8.0})
    assert view.spill(demand_of({"CPU": 1.0})) == (b"n1", Place("127.0.0.2", 1))
