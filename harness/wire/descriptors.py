"""What a Ray wheel says about its own wire: descriptors, read without importing ``ray``.

A generated ``*_pb2.py`` carries its file's descriptor as serialized bytes in one call; they are
read off the syntax tree, so nothing of the wheel is executed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

_Type = FieldDescriptorProto.Type


@dataclass(frozen=True)
class Field:
    """One field as it lies on the wire; ``kind`` is a scalar's name, or a message or enum by name."""

    name: str
    number: int
    kind: str
    repeated: bool
    oneof: str = ""
    presence: bool = False
    """Whether an unset value differs from a zero (proto3 ``optional``, a message, a oneof)."""


@dataclass(frozen=True)
class Method:
    """One RPC of a service, by the names of its messages."""

    request: str
    reply: str
    streaming: bool


@dataclass(frozen=True)
class Wire:
    """All of one release: messages and enums by dotted name within their package, and services."""

    messages: Mapping[str, Mapping[str, Field]]
    enums: Mapping[str, Mapping[str, int]]
    services: Mapping[str, Mapping[str, Method]]


def files_in(directory: Path) -> list[FileDescriptorProto]:
    """The file descriptors in all ``*_pb2.py`` of ``directory``, in order of file name."""
    return [file for path in sorted(directory.glob("*_pb2.py")) for file in _files_of(path)]


def _files_of(module: Path) -> Iterator[FileDescriptorProto]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "AddSerializedFile"):
            continue
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, bytes):
            yield FileDescriptorProto.FromString(node.args[0].value)


def wire_of(files: Iterable[FileDescriptorProto], package: str) -> Wire:
    """What ``files`` declare in ``package``, and in packages within it, there by ``autoscaler.NAME``."""
    messages: dict[str, Mapping[str, Field]] = {}
    enums: dict[str, Mapping[str, int]] = {}
    services: dict[str, Mapping[str, Method]] = {}
    for file in files:
        if not f"{file.package}.".startswith(f"{package}."):
            continue
        within = f"{file.package}.".removeprefix(f"{package}.")
        _add_enums(file.enum_type, within, enums)
        for message in file.message_type:
            _add_message(message, within, package, messages, enums)
        for service in file.service:
            services[service.name] = {
                one.name: Method(
                    _short(one.input_type, package), _short(one.output_type, package), one.client_streaming
                )
                for one in service.method
            }
    return Wire(messages, enums, services)


def _add_message(
    message: DescriptorProto,
    prefix: str,
    package: str,
    messages: dict[str, Mapping[str, Field]],
    enums: dict[str, Mapping[str, int]],
) -> None:
    name = prefix + message.name
    maps = {f"{name}.{one.name}": one for one in message.nested_type if one.options.map_entry}
    messages[name] = {one.name: _field(one, message, package, maps) for one in message.field}
    _add_enums(message.enum_type, f"{name}.", enums)
    for nested in message.nested_type:
        if not nested.options.map_entry:
            _add_message(nested, f"{name}.", package, messages, enums)


def _add_enums(
    declared: Iterable[EnumDescriptorProto], prefix: str, enums: dict[str, Mapping[str, int]]
) -> None:
    for enum in declared:
        enums[prefix + enum.name] = {value.name: value.number for value in enum.value}


def _field(
    one: FieldDescriptorProto, message: DescriptorProto, package: str, maps: Mapping[str, DescriptorProto]
) -> Field:
    kind = _kind(one, package)
    if kind in maps:
        key, value = (_kind(part, package) for part in maps[kind].field)
        kind = f"map<{key}, {value}>"
    in_oneof = one.HasField("oneof_index") and not one.proto3_optional
    repeated = one.label == FieldDescriptorProto.LABEL_REPEATED
    return Field(
        name=one.name,
        number=one.number,
        kind=kind,
        repeated=repeated,
        oneof=message.oneof_decl[one.oneof_index].name if in_oneof else "",
        presence=not repeated and (one.HasField("oneof_index") or one.type == _Type.TYPE_MESSAGE),
    )


def _kind(one: FieldDescriptorProto, package: str) -> str:
    if one.type_name:
        return _short(one.type_name, package)
    return _Type.Name(one.type).removeprefix("TYPE_").lower()


def _short(name: str, package: str) -> str:
    return name.removeprefix(f".{package}.")
