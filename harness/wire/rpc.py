"""Methods by name, and the calls and handlers that speak them in a dialect.

A method is named ``Service.Method`` with 2.60.0's service (``NodeInfoGcsService.CheckAlive``);
the dialect decides under which path and numbers it travels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.message import Message

from harness.wire.dialect import MODULES, Dialect

MAX_MESSAGE_BYTES = 512 * 1024 * 1024  # ray_config_def.h: max_grpc_message_size
CLUSTER_ID_HEADER = "ray_cluster_id"


@dataclass(frozen=True)
class Method:
    """One RPC: where it lives and what it takes and gives."""

    service: str
    name: str
    request: type[Message]
    reply: type[Message]
    streaming: bool

    @property
    def full_name(self) -> str:
        return f"{self.service}.{self.name}"

    def path(self, dialect: Dialect) -> str:
        """``/ray.rpc.NodeInfoGcsService/CheckAlive``, as ``dialect`` spells it."""
        return f"/{dialect.service(self.service)}/{self.name}"


def _methods() -> dict[str, Method]:
    found = {}
    for module in MODULES:
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                one = Method(
                    service=service.name,
                    name=method.name,
                    request=message_factory.GetMessageClass(method.input_type),
                    reply=message_factory.GetMessageClass(method.output_type),
                    streaming=method.client_streaming,
                )
                found[one.full_name] = one
    return found


METHODS: Mapping[str, Method] = _methods()


def gcs_methods() -> list[Method]:
    """Every method that a GCS serves to its clients."""
    return [one for one in METHODS.values() if "Gcs" in one.service or "PubSub" in one.service]


def method(name: str) -> Method:
    """The method ``Service.Method``; a bare ``Method`` will do where one service alone has it."""
    if name in METHODS:
        return METHODS[name]
    owners = [one for one in METHODS.values() if one.name == name]
    if len(owners) != 1:
        raise KeyError(f"{name}: {'no such method' if not owners else 'name its service too'}")
    return owners[0]


def multicallable(channel: Any, name: str, dialect: Dialect) -> Any:
    """A callable for ``name`` on ``channel`` (grpc or grpc.aio), to call as gRPC's own.

    Streaming methods carry frames of raw bytes: a frame's type depends on the dialect.
    """
    one = method(name)
    if one.streaming:
        return channel.stream_stream(one.path(dialect))
    return channel.unary_unary(
        one.path(dialect),
        request_serializer=dialect.encode,
        response_deserializer=lambda data: dialect.decode(one.reply, data),
    )


def cluster_metadata(cluster_id: bytes | None) -> tuple[tuple[str, str], ...]:
    """The header that says which cluster a caller believes it talks to; none for ``None``."""
    return ((CLUSTER_ID_HEADER, cluster_id.hex()),) if cluster_id is not None else ()


def handlers(
    dialect: Dialect, behaviours: Mapping[str, Callable[..., Any]]
) -> Iterable[grpc.GenericRpcHandler]:
    """gRPC handlers for ``behaviours``: ``Service.Method`` -> ``(request, context) -> reply``.

    Works for grpc and grpc.aio servers alike (the behaviours being plain or coroutines).
    Several of our services may live in one of the dialect's; the first behaviour of a path wins.
    """
    services: dict[str, dict[str, Any]] = {}
    for name, behaviour in behaviours.items():
        one = method(name)
        known = services.setdefault(dialect.service(one.service), {})
        known.setdefault(one.name, _handler(dialect, one, behaviour))
    return [grpc.method_handlers_generic_handler(service, known) for service, known in services.items()]


def _handler(dialect: Dialect, one: Method, behaviour: Callable[..., Any]) -> Any:
    if one.streaming:
        return grpc.stream_stream_rpc_method_handler(behaviour)

    def decode(data: bytes) -> Message:
        return dialect.decode(one.request, data)

    return grpc.unary_unary_rpc_method_handler(
        behaviour, request_deserializer=decode, response_serializer=dialect.encode
    )
