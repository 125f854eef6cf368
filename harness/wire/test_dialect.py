"""A dialect loses nothing, changes only what it must, and never lets one value pass for another."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.wire import messages as m
from harness.wire.dialect import CHANGES, NEWEST, Untranslatable, dialect
from harness.wire.rpc import METHODS, method

RELEASES = ("2.40.0", "2.49.2", "2.50.0", "2.52.0", "2.55.1", "2.56.0", "2.60.0")
KINDS = sorted(
    {kind for one in METHODS.values() for kind in (one.request, one.reply)},
    key=lambda kind: kind.DESCRIPTOR.full_name,
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "TYPE_BYTES": st.binary(max_size=8),
    "TYPE_STRING": st.text(max_size=8),
    "TYPE_BOOL": st.booleans(),
    "TYPE_DOUBLE": st.floats(allow_nan=False),
    "TYPE_INT32": st.integers(-(2**31), 2**31 - 1),
    "TYPE_INT64": st.integers(-(2**63), 2**63 - 1),
    "TYPE_UINT32": st.integers(0, 2**32 - 1),
    "TYPE_UINT64": st.integers(0, 2**64 - 1),
}
TYPE_NAMES = {
    1: "TYPE_DOUBLE",
    3: "TYPE_INT64",
    4: "TYPE_UINT64",
    5: "TYPE_INT32",
    8: "TYPE_BOOL",
    9: "TYPE_STRING",
    12: "TYPE_BYTES",
    13: "TYPE_UINT32",
}


@st.composite
def filled(draw: st.DrawFn, kind: type[Message], release: str, depth: int = 4) -> Message:
    """A message of ``kind`` with some of the fields that ``release`` knows, to ``depth``."""
    message = kind()
    for one in kind.DESCRIPTOR.fields:
        if not known(one, release) or not draw(st.booleans()):
            continue
        if one.message_type is None:
            value = scalar(one, release)
            setter = getattr(message, one.name)
            if one.is_repeated:
                setter.extend(draw(st.lists(value, max_size=2)))
            else:
                setattr(message, one.name, draw(value))
        elif one.message_type.GetOptions().map_entry:
            key, item = (scalar(part, release) for part in one.message_type.fields)
            getattr(message, one.name).update(draw(st.dictionaries(key, item, max_size=2)))
        elif depth:
            part = draw(filled(type_of(one), release, depth - 1))
            place = getattr(message, one.name)
            (place.add() if one.is_repeated else place).MergeFrom(part)
            if not one.is_repeated:
                place.SetInParent()
    return message


def type_of(one: Any) -> type[Message]:
    kind: type[Message] = one.message_type._concrete_class
    return kind


def known(one: Any, release: str) -> bool:
    return dialect(release).fields.get(one.containing_type.name, {}).get(one.name, 1) is not None


def scalar(one: Any, release: str) -> st.SearchStrategy[Any]:
    if one.enum_type is not None:
        gone = dialect(release).enums.get(one.enum_type.name, {})
        return st.sampled_from([v.number for v in one.enum_type.values if gone.get(v.name, 1) is not None])
    return SCALARS[TYPE_NAMES[one.type]]


@pytest.mark.parametrize("release", RELEASES)
@given(data=st.data())
@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
def test_what_is_encoded_decodes_to_the_same(release: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    message = data.draw(filled(kind, release))
    spoken = dialect(release)
    assert spoken.decode(kind, spoken.encode(message)) == message


@given(data=st.data())
@settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
def test_the_newest_release_is_spoken_as_it_is(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    message = data.draw(filled(kind, str(NEWEST)))
    assert dialect().encode(message) == message.SerializeToString()


@pytest.mark.parametrize("release", RELEASES)
@given(data=st.data())
@settings(max_examples=50, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
def test_a_message_that_no_change_touches_is_byte_identical(release: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([m.JobTableData, m.PlacementGroupTableData, m.InternalKVPutRequest]))
    message = data.draw(filled(kind, release))
    assert dialect(release).encode(message) == message.SerializeToString()


def test_an_actor_message_moves_to_the_field_and_channel_of_the_release() -> None:
    message = m.PubMessage(channel_type=m.GCS_ACTOR_CHANNEL, key_id=b"k", sequence_id=9)
    message.actor_message.pid = 7
    # key 1 (channel), 2 (key id), 7 (the actor, its pid 16), 16 (sequence id): 2.49's numbers.
    assert dialect("2.49.2").encode(message) == bytes.fromhex("0803 12016b 3a03800107 800109")
    assert dialect("2.60.0").encode(message) == bytes.fromhex("0802 12016b 3203800107 7009")


def test_a_zero_enum_is_translated_although_it_is_not_on_the_wire() -> None:
    removed = m.Command(channel_type=m.WORKER_REF_REMOVED_CHANNEL)
    assert removed.SerializeToString() == b""
    assert dialect("2.49.2").encode(removed) == b"\x08\x01"
    assert dialect("2.49.2").decode(m.Command, b"\x08\x01") == removed


def test_a_number_that_nobody_knows_passes_through() -> None:
    # An open enum: mypy knows only the declared values, the wire knows more.
    strange = m.Command.FromString(b"\x08\x63")
    assert dialect("2.49.2").encode(strange) == b"\x08\x63"
    assert dialect("2.49.2").decode(m.Command, b"\x08\x63").channel_type == 99


def test_a_value_that_the_release_lacks_is_refused_instead_of_changed() -> None:
    newer = m.Command(channel_type=m.GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL)
    with pytest.raises(Untranslatable, match="GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL"):
        dialect("2.49.2").encode(newer)
    # 9 was 2.9's channel for Python functions: no release spoken here has it, our own would misread it.
    with pytest.raises(DecodeError):
        dialect("2.49.2").decode(m.Command, b"\x08\x09")


def test_a_field_that_the_release_lacks_is_left_out() -> None:
    request = m.CheckAliveRequest(node_ids=[b"n" * 28])
    assert dialect("2.40.0").encode(request) == b""
    request.raylet_address.append("127.0.0.2:1")
    assert dialect("2.40.0").encode(request) == b"\x0a\x0b127.0.0.2:1"


def test_a_message_inside_a_message_is_translated_too() -> None:
    request = m.RegisterActorRequest()
    request.task_spec.actor_creation_task_spec.actor_id = b"a"
    assert b"\x12\x01a" in dialect("2.49.2").encode(request)
    assert b"\x0a\x01a" in dialect("2.50.0").encode(request)


@pytest.mark.parametrize("release", RELEASES)
def test_garbage_is_a_decode_error(release: str) -> None:
    with pytest.raises(DecodeError):
        dialect(release).decode(m.GcsSubscriberPollReply, b"\xff\xff\xff")


def test_services_are_named_as_the_release_names_them() -> None:
    poll = method("ControlPlanePubSubGcsService.GcsSubscriberPoll")
    assert poll.path(dialect("2.60.0")) == "/ray.rpc.ControlPlanePubSubGcsService/GcsSubscriberPoll"
    assert poll.path(dialect("2.55.1")) == "/ray.rpc.InternalPubSubGcsService/GcsSubscriberPoll"
    assert method("NodeInfoGcsService.DrainNode").path(dialect()) == "/ray.rpc.NodeInfoGcsService/DrainNode"
    autoscaler = "/ray.rpc.autoscaler.AutoscalerStateService/DrainNode"
    assert method("AutoscalerStateService.DrainNode").path(dialect()) == autoscaler
    assert method("StartSync").path(dialect()) == "/ray.rpc.syncer.RaySyncer/StartSync"
    assert method("Check").path(dialect()) == "/grpc.health.v1.Health/Check"


def test_a_method_name_that_two_services_have_needs_its_service() -> None:
    with pytest.raises(KeyError, match="name its service too"):
        method("GcsSubscriberPoll")
    with pytest.raises(KeyError, match="no such method"):
        method("Nonsense")


def test_changes_are_listed_newest_first() -> None:
    since = [tuple(map(int, change.since.split("."))) for change in CHANGES]
    assert since == sorted(since, reverse=True)


def test_an_older_release_than_any_we_speak_is_refused() -> None:
    with pytest.raises(ValueError, match=r"older than 2\.40\.0"):
        dialect("2.9.3")
