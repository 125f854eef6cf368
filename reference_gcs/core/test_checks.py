"""The guard of ids, on a message that no server takes."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness.wire import ids
from reference_gcs.core import checks

BYTES = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
ONE = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
MANY = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED


def synthetic() -> Any:
    """The class of a message with a node's id, several of them, and others like it within."""
    file = descriptor_pb2.FileDescriptorProto(name="synthetic.proto", package="synthetic")
    thing = file.message_type.add(name="Thing")
    thing.field.add(name="node_id", number=1, type=BYTES, label=ONE)
    thing.field.add(name="node_ids", number=2, type=BYTES, label=MANY)
    thing.field.add(name="value", number=3, type=BYTES, label=ONE)
    thing.field.add(name="inner", number=4, type=MESSAGE, type_name=".synthetic.Thing", label=ONE)
    thing.field.add(name="parts", number=5, type=MESSAGE, type_name=".synthetic.Part", label=MANY)
    file.message_type.add(name="Part").field.add(name="actor_id", number=1, type=BYTES, label=ONE)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("synthetic.Thing"))


THING = synthetic()
NODE, ACTOR = ids.unique_id(), ids.actor_id(ids.job_id(1))


@pytest.mark.parametrize(
    "fields",
    [{}, {"node_id": NODE}, {"node_ids": [NODE, NODE]}, {"value": b"v"}, {"parts": [{"actor_id": ACTOR}]}, {"parts": [{}]}],
    ids=["nothing", "one id", "a list of ids", "no id", "an id within", "nothing within"],
)  # fmt: skip
def test_ids_of_their_length_pass(fields: dict[str, Any]) -> None:
    assert checks.wrong_id(THING(**fields), ()) is None


@pytest.mark.parametrize("length", [1, ids.UNIQUE - 1, ids.UNIQUE + 1])
def test_ids_of_another_length_are_named(length: int) -> None:
    wrong = b"x" * length
    for fields in ({"node_id": wrong}, {"node_ids": [NODE, wrong]}):
        (name,) = fields
        assert checks.wrong_id(THING(**fields), ()) == f"{name} has {length} bytes, not {ids.UNIQUE}"
    complaint = checks.wrong_id(THING(parts=[{"actor_id": ACTOR}, {"actor_id": wrong}]), ())
    assert complaint == f"actor_id has {length} bytes, not {ids.ACTOR}"


@pytest.mark.parametrize("value", [b"", ids.NIL_NODE])
def test_an_id_that_is_needed_is_missed(value: bytes) -> None:
    assert checks.wrong_id(THING(node_id=value), ("node_id",)) == "node_id is missing or nil"
    assert checks.wrong_id(THING(node_id=NODE), ("node_id",)) is None
