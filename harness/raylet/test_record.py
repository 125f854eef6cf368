"""What a host of raylets writes into the history of its case, and that it writes nothing unasked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from harness.history.event import Event
from harness.history.log import HISTORY, events
from harness.history.recorder import Recorder
from harness.process.ports import allocate_port
from harness.raylet.client import RayletHost
from harness.raylet.handles import RayletHandle
from harness.raylet.orders import Journal
from harness.raylet.scribe import Record, Scribe, Streams
from harness.raylet.stub_gcs import StubGcs
from harness.raylet.test_host import JOB, lease, order, push
from harness.wait import until
from harness.wire import ids
from harness.wire import messages as m
from harness.wire.dialect import Dialect, dialect

NODE = b"n" * 28
CASE = "scenarios/x.py::test"


@pytest.fixture
def gcs() -> Iterator[StubGcs]:
    stub = StubGcs(allocate_port())
    stub.start()
    yield stub
    stub.stop()


class Told:
    """The history below ``directory``, read anew each time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def of(self, kind: str, what: str = "", case: str = CASE) -> list[Event]:
        return [
            one
            for one in events(self.directory / HISTORY, case)
            if one.kind == kind and what in ("", one.what)
        ]

    def returns(self, what: str) -> dict[str, Event]:
        """By the id of their calls."""
        return {one.facts["call"]: one for one in self.of("return", what)}


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path / "history")


@pytest.fixture
def host(gcs: StubGcs, told: Told, tmp_path: Path) -> Iterator[RayletHost]:
    record = (str(told.directory), CASE, 0, "r0")
    with RayletHost(gcs.address, directory=tmp_path / "host", check_interval=0.1, record=record) as one:
        one.recorder = Recorder(told.directory, CASE)
        yield one


@pytest.fixture
def raylet(host: RayletHost) -> RayletHandle:
    return host.add("127.7.2.1", resources={"CPU": 2})


def test_a_join_is_told_with_each_call_and_its_reply(
    gcs: StubGcs, host: RayletHost, raylet: RayletHandle, told: Told
) -> None:
    who = raylet.node_id.hex()
    (joins,) = told.of("raylet", "joins")
    assert joins.who == who
    assert joins.facts == {
        "address": "127.7.2.1", "port": raylet.port, "resources": {"CPU": 2.0}, "is_head": False,
        "reconnect_limit": 60.0, "pid": host.pid,
    }  # fmt: skip
    called = told.of("call")
    assert [one.what for one in called[:3]] == ["GetClusterId", "GetInternalConfig", "RegisterNode"]
    assert {one.who for one in called} == {who}
    register = called[2]
    assert register.facts["request"]["node_info"]["node_id"] == who
    assert (register.facts["deadline"], "again" in register.facts) == (None, False)
    told_back = told.returns("RegisterNode")[register.id].facts
    assert (told_back["outcome"], told_back["grpc"], told_back["code"]) == ("ok", "OK", 0)
    (cluster,) = told.of("return", "GetClusterId")
    assert cluster.facts["reply"] == {"cluster_id": gcs.cluster_id.hex()}
    (check,) = told.of("call", "CheckAlive")
    assert check.facts["deadline"] == 30.0
    assert "StartSync" not in {one.what for one in called}
    for reading in ("GetAllJobInfo", "GetAllNodeAddressAndLiveness"):  # these travel in raw bytes
        assert told.returns(reading)


def test_messages_are_told_and_those_that_come_again(gcs: StubGcs, host: RayletHost, told: Told) -> None:
    gcs.repeats = 1
    raylet = host.add("127.7.2.1")
    until("both", lambda: len(told.of("message")) == 2)
    first, second = told.of("message", "GCS_JOB_CHANNEL")
    facts = {
        "publisher": (b"p" * 28).hex(), "sequence": 9, "key": b"k".hex(),
        "type": "job_message", "payload": {"job_id": b"abcd".hex()},
    }  # fmt: skip
    assert (first.facts, first.who) == (facts, raylet.node_id.hex())
    assert second.facts == {**facts, "again": True}
    assert [one.sequence_id for one in raylet.messages()] == [9]
    assert {one.facts["reply"]["publisher_id"] for one in told.of("return", "GcsSubscriberPoll")}
    assert not any("pub_messages" in one.facts["reply"] for one in told.of("return", "GcsSubscriberPoll"))


def test_an_order_is_told_when_it_comes_with_what_it_brings_about(raylet: RayletHandle, told: Told) -> None:
    actor = ids.actor_id(JOB)
    granted = lease(raylet, actor)
    worker, pid = granted.worker_address.worker_id.hex(), granted.worker_pid
    push(raylet, granted, actor)
    push(raylet, granted, actor)
    order(raylet, "NodeManagerService.ReleaseUnusedActorWorkers", m.ReleaseUnusedActorWorkersRequest())
    (asked,) = told.of("order", "RequestWorkerLease")
    assert asked.facts["fields"]["lease_spec"]["actor_id"] == actor.hex()
    assert (asked.facts["outcome"], asked.facts["worker"], asked.facts["script"]) == ("received", "", "")
    pushes = told.of("order", "PushTask")
    assert [one.facts["worker"] for one in pushes] == [worker, worker]
    assert [one.facts["seq"] for one in pushes] == [one.seq for one in raylet.orders("PushTask")]
    until("its end", lambda: told.of("worker", "exited"))
    started, made, exited = told.of("worker")
    assert (started.what, started.facts) == ("started", {"worker": worker, "pid": pid, "actor": ""})
    at = {"worker": worker, "pid": pid, "actor": actor.hex()}
    assert (made.what, made.facts) == ("actor", {**at, "incarnation": 1})
    assert exited.facts == {
        **at, "detail": "Worker is released by ReleaseUnusedActorWorkers.", "exit": -9
    }  # fmt: skip


def test_an_order_without_an_answer_is_told_to_have_none(raylet: RayletHandle, told: Told) -> None:
    for _ in range(3):
        order(raylet, "NodeManagerService.GetResourceLoad", m.GetResourceLoadRequest())
    raylet.script("PrepareBundleResources", "fail", times=1)
    raylet.script("GetResourceLoad", "mute", times=1)
    for name, request in (
        ("PrepareBundleResources", m.PrepareBundleResourcesRequest()),
        ("GetResourceLoad", m.GetResourceLoadRequest()),
    ):
        with pytest.raises(grpc.RpcError):
            order(raylet, f"NodeManagerService.{name}", request, timeout=0.3)
    until("the second end", lambda: len(told.of("order")) == 4)
    outcomes = [(one.what, one.facts["outcome"], one.facts.get("script")) for one in told.of("order")]
    assert outcomes == [
        ("PrepareBundleResources", "received", "fail"),
        ("PrepareBundleResources", "refused", None),
        ("GetResourceLoad", "received", "mute"),
        ("GetResourceLoad", "caller gone", None),
    ]
    received, refused = told.of("order", "PrepareBundleResources")
    assert received.facts["seq"] == refused.facts["seq"] == raylet.orders("PrepareBundleResources")[0].seq


def test_a_bundle_is_told_once_for_each_step(raylet: RayletHandle, told: Told) -> None:
    group = ids.placement_group_id(JOB)
    bundle = m.Bundle(unit_resources={"CPU": 1.0})
    bundle.bundle_id.placement_group_id = group
    for _ in range(2):
        order(
            raylet,
            "NodeManagerService.PrepareBundleResources",
            m.PrepareBundleResourcesRequest(bundle_specs=[bundle]),
        )
        order(
            raylet,
            "NodeManagerService.CommitBundleResources",
            m.CommitBundleResourcesRequest(bundle_specs=[bundle]),
        )
    order(raylet, "NodeManagerService.ReleaseUnusedBundles", m.ReleaseUnusedBundlesRequest())
    assert [(one.what, one.facts) for one in told.of("bundle")] == [
        (what, {"group": group.hex(), "index": 0}) for what in ("prepared", "committed", "returned")
    ]


def test_a_lost_gcs_is_told_and_each_try_is_a_call(gcs: StubGcs, raylet: RayletHandle, told: Told) -> None:
    gcs.stop()
    until("it to wait", lambda: told.of("raylet", "waiting"))
    raylet.start_worker()
    until("a try", lambda: told.of("return", "AddWorkerInfo"))
    gcs.start()
    until("the last try", lambda: gcs.requests("AddWorkerInfo"))
    until("its end", lambda: len(told.returns("AddWorkerInfo")) == len(told.of("call", "AddWorkerInfo")))
    tries, ends = told.of("call", "AddWorkerInfo"), told.returns("AddWorkerInfo")
    assert [one.facts.get("again") for one in tries] == [None, *(one.id for one in tries[:-1])]
    assert tries[0].facts["request"] == tries[-1].facts["request"]
    assert {ends[one.id].facts["grpc"] for one in tries[:-1]} == {"UNAVAILABLE"}
    assert ends[tries[-1].id].facts["outcome"] == "ok"
    until("it to be back", lambda: told.of("raylet", "connected"))
    polls, over = told.of("call", "GcsSubscriberPoll"), told.returns("GcsSubscriberPoll")
    assert all(one.id in over for one in polls[:-1])


def test_what_we_do_to_raylets_is_told_by_us(host: RayletHost, raylet: RayletHandle, told: Told) -> None:
    other = host.add("127.7.2.2")
    raylet.kill()
    until("its end", lambda: told.of("raylet", "exit"))
    host.pause()
    host.resume()
    host.kill()
    host.kill()
    done = [(one.what, one.who) for one in told.of("raylet") if one.what != "joins"]
    mine, its = raylet.node_id.hex(), other.node_id.hex()
    assert done == [("killed", mine), ("exit", mine), ("paused", its), ("resumed", its), ("killed", its)]
    assert told.of("raylet", "exit")[0].facts == {"status": -9, "why": "killed by the scenario"}
    assert told.of("raylet", "killed")[-1].facts == {"why": "SIGKILL of the host", "pid": host.pid}


def test_a_stream_is_told_when_it_opens_and_when_it_ends(
    gcs: StubGcs, raylet: RayletHandle, told: Told
) -> None:
    until("it streams", lambda: raylet.syncing)
    raylet.resize({"CPU": 5.0})
    until("its next view", lambda: len(raylet.syncs("sent")) > 1)
    gcs.stop()
    until("the end", lambda: told.of("sync", "closed"))
    opened, closed = told.of("sync")
    assert (opened.what, opened.who, opened.facts) == ("open", raylet.node_id.hex(), {"stream": 1})
    assert (closed.facts["stream"], closed.facts["grpc"]) == (1, "UNAVAILABLE")


def test_a_host_turns_to_another_case(host: RayletHost, raylet: RayletHandle, told: Told) -> None:
    until("it to poll on", lambda: len(told.of("call", "GcsSubscriberPoll")) == 2)
    host.record(told.directory, "next", 1, "r0")
    host.record(told.directory, "next", 1, "r0")  # the same again
    until_no_more = len(told.of("call"))
    order(raylet, "NodeManagerService.NotifyGCSRestart", m.NotifyGCSRestartRequest())
    until("it to poll", lambda: told.of("call", "GcsSubscriberPoll", "next"))
    first = told.of("order", case="next")[0]
    assert (first.id, first.cluster) == ("r0.1-1", 1)
    calls = {one.id for one in told.of("call", case="next")}
    assert {one.facts["call"] for one in told.of("return", case="next")} <= calls
    assert len(told.of("call")) == until_no_more


def test_a_host_without_a_record_writes_no_file(gcs: StubGcs, tmp_path: Path) -> None:
    with RayletHost(gcs.address, directory=tmp_path / "host") as host:
        lease(host.add("127.7.2.1"), ids.actor_id(JOB))
        until("the message", lambda: host.raylets[0].messages())
        assert not [*tmp_path.rglob("*.jsonl")]


# --- without processes --------------------------------------------------------------------


class Untouched:
    """A dialect, or a message, that nobody may use."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for although nobody records")


def test_nothing_is_computed_when_nobody_records() -> None:
    unused: Any = Untouched()
    scribe = Scribe(NODE, Record(), unused)
    sent = scribe.call("NodeInfoGcsService.RegisterNode", b"\xff", None)
    assert sent is None
    scribe.answered(sent, b"\xff")
    scribe.failed(sent, "UNAVAILABLE", "")
    scribe.message(b"p", unused, False)
    scribe.order(Journal().write("PushTask", outcome="received"), unused)


Write = Callable[[Scribe], object]


def written(tmp_path: Path, write: Write, speaks: Dialect | None = None, watch: bool = True) -> list[Event]:
    record = Record()
    record.turn(str(tmp_path), CASE, 0, "r0")
    write(Scribe(NODE, record, speaks or dialect(), watch))
    return events(tmp_path / HISTORY, CASE)


def test_bytes_of_another_release_are_read_in_its_dialect(tmp_path: Path) -> None:
    old = dialect("2.48.0")
    request = m.CheckAliveRequest(raylet_address=["127.0.0.1:1"])
    data = old.encode(request)
    assert data != request.SerializeToString()
    (call,) = written(tmp_path, lambda scribe: scribe.call("NodeInfoGcsService.CheckAlive", data, 30.0), old)
    assert call.facts["request"] == {"raylet_address": ["127.0.0.1:1"]}


def test_a_refusal_in_the_reply_and_garbage_are_told(tmp_path: Path) -> None:
    name = "ActorInfoGcsService.RegisterActor"
    reply = m.RegisterActorReply(status=m.GcsStatus(code=17, message="no such job"))

    def write(scribe: Scribe) -> None:
        for data in (reply.SerializeToString(), b"\xff\xff"):
            scribe.answered(scribe.call(name, b"", None), data)

    refused, garbage = (one.facts for one in written(tmp_path, write) if one.kind == "return")
    assert (refused["outcome"], refused["code"], refused["said"]) == ("refused", 17, "no such job")
    assert garbage["reply"] == {"$undecodable": 2}


def test_a_raylet_that_only_counts_tells_no_polls_and_no_tables(tmp_path: Path) -> None:
    table = os.urandom(100)

    def write(scribe: Scribe) -> None:
        scribe.answered(scribe.call("ControlPlanePubSubGcsService.GcsSubscriberPoll", b"", None), b"")
        scribe.answered(scribe.call("JobInfoGcsService.GetAllJobInfo", b"", None), table)

    call, end = written(tmp_path, write, watch=False)
    assert (call.what, end.facts["reply"]) == ("GetAllJobInfo", {"$cut": 100})


def test_of_each_stream_the_first_view_of_each_node_is_told(tmp_path: Path) -> None:
    def write(scribe: Scribe) -> None:
        streams = Streams(scribe)
        for _ in range(2):
            streams.opened()
            for some in ([b"a"], [b"a", b"b"], [b"b"]):
                streams.views(some)
            streams.closed("OK", "ended")
        streams.closed("UNAVAILABLE", "never opened again")

    assert [(one.what, one.facts) for one in written(tmp_path, write)] == [
        told
        for stream in (1, 2)
        for told in (
            ("open", {"stream": stream}),
            ("view", {"stream": stream, "of": [b"a".hex()]}),
            ("view", {"stream": stream, "of": [b"b".hex()]}),
            ("closed", {"stream": stream, "grpc": "OK", "why": "ended"}),
        )
    ]
    assert not written(tmp_path / "fleet", write, watch=False)
