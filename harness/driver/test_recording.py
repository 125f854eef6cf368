"""A client's calls in the history: what was asked, and how each ended."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from harness.driver.client import GcsClient
from harness.driver.recording import Recorded
from harness.history.event import Event
from harness.history.log import HISTORY, events
from harness.history.recorder import Recorder
from harness.process.ports import allocate_address, allocate_port
from harness.wait import until
from harness.wire import ids
from harness.wire import messages as m
from harness.wire.dialect import dialect
from harness.wire.rpc import handlers
from harness.wire.status import Code

PUT = m.InternalKVPutRequest(key=b"k", value=b"v" * 600, namespace=b"n")
PUBLISHER = b"p" * 28


class Gcs:
    """Answers puts (``refuse`` makes it say no), one poll with two messages, and job ids when ``free``."""

    def __init__(self) -> None:
        address = allocate_address()
        self.target = f"{address}:{allocate_port(address)}"
        self.free = threading.Event()
        self.refuse = False
        self._server: grpc.Server | None = None

    def start(self) -> None:
        behaviours = {
            "InternalKVGcsService.InternalKVPut": self.put,
            "ControlPlanePubSubGcsService.GcsSubscriberPoll": self.poll,
            "JobInfoGcsService.GetNextJobID": self.job,
        }
        self._server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers(tuple(handlers(dialect(), behaviours)))
        self._server.add_insecure_port(self.target)
        self._server.start()

    def stop(self) -> None:
        self.free.set()
        if self._server is not None:
            self._server.stop(None).wait(5)

    def put(self, request: Any, context: Any) -> m.InternalKVPutReply:
        if self.refuse:
            return m.InternalKVPutReply(status=m.GcsStatus(code=int(Code.INVALID), message="no"))
        return m.InternalKVPutReply(added=True)

    def poll(self, request: Any, context: Any) -> m.GcsSubscriberPollReply:
        told = m.ActorTableData(actor_id=b"a" * 16, state=m.ActorTableData.DEPENDENCIES_UNREADY)
        messages = [
            m.PubMessage(
                channel_type=m.GCS_ACTOR_CHANNEL, key_id=b"a" * 16, actor_message=told, sequence_id=one
            )
            for one in (1, 2)
        ]
        return m.GcsSubscriberPollReply(publisher_id=PUBLISHER, pub_messages=messages)

    def job(self, request: Any, context: Any) -> m.GetNextJobIDReply:
        self.free.wait(10)
        return m.GetNextJobIDReply(job_id=1)


@pytest.fixture
def gcs() -> Iterator[Gcs]:
    gcs = Gcs()
    gcs.start()
    yield gcs
    gcs.stop()


@pytest.fixture
def client(gcs: Gcs, tmp_path: Path) -> Iterator[GcsClient]:
    client = GcsClient(gcs.target, dialect(), recorder=Recorder(tmp_path, "case"), name="driver-0")
    yield client
    client.close()


def written(client: GcsClient, kind: str) -> list[Event]:
    assert client.recorder.directory is not None
    return [one for one in events(client.recorder.directory / HISTORY) if one.kind == kind]


def test_an_answered_call_is_written_by_the_time_that_its_caller_goes_on(client: GcsClient) -> None:
    for number in range(1, 51):
        before = client.recorder.write("note", "before")
        client.call("InternalKVPut", PUT)
        ended = written(client, "return")
        assert len(ended) == number, before
    begun, ended = written(client, "call"), written(client, "return")
    assert [one.facts["call"] for one in ended] == [one.id for one in begun]
    assert all(was.at < now.at for was, now in zip(begun, ended, strict=True))
    assert {(one.who, one.what) for one in (*begun, *ended)} == {("driver-0", "InternalKVPut")}
    request = begun[0].facts["request"]
    assert request["key"] == b"k".hex()
    assert request["value"].startswith("sha256:")
    assert begun[0].facts["deadline"] == 5.0
    facts = {key: ended[0].facts[key] for key in ("outcome", "grpc", "code", "said", "reply")}
    assert facts == {"outcome": "ok", "grpc": "OK", "code": 0, "said": "", "reply": {"added": True}}


def test_a_refusal_is_written_with_its_code_and_words(gcs: Gcs, client: GcsClient) -> None:
    gcs.refuse = True
    client.call("InternalKVPut", PUT)
    (ended,) = written(client, "return")
    assert (ended.facts["outcome"], ended.facts["grpc"]) == ("refused", "OK")
    assert (ended.facts["code"], ended.facts["said"]) == (int(Code.INVALID), "no")


def test_a_call_that_is_sent_again_names_its_last_sending(gcs: Gcs, client: GcsClient) -> None:
    client.call("InternalKVPut", PUT)
    gcs.stop()
    done = threading.Thread(target=client.control, args=("InternalKVPut", PUT, 10.0))
    done.start()
    until("it is parked", lambda: len(written(client, "call")) == 3)
    assert client.outstanding()
    gcs.start()
    done.join(10)
    _, second, third = written(client, "call")
    assert "again" not in second.facts
    assert third.facts["again"] == second.id
    ends = [(one.facts["grpc"], one.facts["outcome"]) for one in written(client, "return")]
    assert ends[0] == ends[2] == ("OK", "ok")
    assert ends[1][0] == "UNAVAILABLE"
    assert not client.outstanding()


def test_a_wait_that_ends_before_the_call_is_no_end(gcs: Gcs, client: GcsClient) -> None:
    call = client.begin("GetNextJobID", m.GetNextJobIDRequest(), within=None)
    with pytest.raises(grpc.FutureTimeoutError):
        call.result(timeout=0.01)
    assert not call.done()
    assert client.outstanding() == ["GetNextJobID"]
    assert not written(client, "return")
    gcs.free.set()
    assert call.result(timeout=5).job_id == 1
    assert [one.facts["outcome"] for one in written(client, "return")] == ["ok"]


def test_a_call_that_nobody_waits_for_ends_in_the_history_too(gcs: Gcs, client: GcsClient) -> None:
    call = client.begin("GetNextJobID", m.GetNextJobIDRequest(), within=0.05)
    until("its end is written", lambda: written(client, "return"))
    assert written(client, "return")[0].facts["grpc"] == "DEADLINE_EXCEEDED"
    assert written(client, "return")[0].facts["outcome"] == "unknown"
    assert call.exception(timeout=1).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(written(client, "return")) == 1


def test_a_forgotten_call_is_cancelled_as_grpc_does(client: GcsClient) -> None:
    client.begin("GetNextJobID", m.GetNextJobIDRequest(), within=None)
    gc.collect()
    until("it is cancelled", lambda: written(client, "return"))
    assert written(client, "return")[0].facts["grpc"] == "CANCELLED"


def test_what_cannot_be_sent_is_refused(client: GcsClient) -> None:
    client.close()
    with pytest.raises(ValueError, match="closed"):
        client.call("InternalKVPut", PUT)
    (ended,) = written(client, "return")
    assert ended.facts["outcome"] == "refused"
    assert ended.facts["said"].startswith("not sent: ")


def test_each_message_of_a_poll_is_an_event(client: GcsClient) -> None:
    poll = "ControlPlanePubSubGcsService.GcsSubscriberPoll"
    client.call(poll, m.GcsSubscriberPollRequest(subscriber_id=b"s" * 28))
    client.call(
        poll,
        m.GcsSubscriberPollRequest(
            subscriber_id=b"s" * 28, publisher_id=PUBLISHER, max_processed_sequence_id=1
        ),
    )
    assert all("pub_messages" not in one.facts["reply"] for one in written(client, "return"))
    found = written(client, "message")
    assert {(one.who, one.what) for one in found} == {("driver-0", "GCS_ACTOR_CHANNEL")}
    assert [one.facts["sequence"] for one in found] == [1, 2, 1, 2]
    assert [one.facts.get("again", False) for one in found] == [False, False, True, False]
    payload = found[0].facts["payload"]
    assert (payload["actor_id"], payload["state"]) == ((b"a" * 16).hex(), "DEPENDENCIES_UNREADY")
    assert found[0].facts["publisher"] == PUBLISHER.hex()


def test_an_end_in_another_case_is_nowhere(gcs: Gcs, client: GcsClient) -> None:
    call = client.begin("GetNextJobID", m.GetNextJobIDRequest(), within=None)
    client.recorder.turn_to("another")
    gcs.free.set()
    call.result(timeout=5)
    assert not written(client, "return")
    assert not client.outstanding()


def test_without_a_history_grpcs_own_future_is_given(gcs: Gcs) -> None:
    client = GcsClient(gcs.target, dialect())
    call = client.begin("InternalKVPut", PUT)
    assert not isinstance(call, Recorded)
    assert call.result().added
    client.close()


def test_what_a_stranger_claims_is_written_with_the_call(gcs: Gcs, client: GcsClient) -> None:
    def claims(**more: Any) -> dict[str, Any]:
        client.call("InternalKVPut", PUT, **more)
        facts = written(client, "call")[-1].facts
        return {name: facts[name] for name in ("claims", "claimed") if name in facts}

    client.cluster_id = b"c" * ids.UNIQUE
    honest: tuple[bytes | str | None, ...] = ("own", None, client.cluster_id, ids.NIL_CLUSTER)
    assert [claims(cluster_id=one) for one in honest] == [{}] * 4
    assert claims(cluster_id=b"d" * 28) == {"claims": "another cluster", "claimed": "64" * 28}
    client.wanted_token = "right"
    assert claims(token="right") == {}
    assert claims(token="wrong") == {"claims": "another token"}
    assert claims() == {"claims": "no token"}
