"""The internal key-value table: straight to the store and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import effects as fx
from reference_gcs.core import layout
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs, then


def _refused(gcs: Gcs, call: int, reply: Any, *keys: bytes) -> bool:
    """Keys that would alias another namespace's field are refused, as real releases do."""
    if not any(key.startswith(layout.RESERVED_PREFIX) for key in keys):
        return False
    gcs.fail(call, reply, Code.KEY_ERROR, "a key must not start with '@namespace_'")
    return True


@serves("InternalKVGcsService.InternalKVPut")
def put(gcs: Gcs, call: int, request: m.InternalKVPutRequest) -> None:
    if _refused(gcs, call, m.InternalKVPutReply(), request.key):
        return
    field = layout.kv_field(request.namespace, request.key)
    kind = fx.Put if request.overwrite else fx.PutIfAbsent
    gcs.write(kind(layout.KV, field, request.value), then(_put, call))


def _put(gcs: Gcs, call: int, added: bool) -> None:
    gcs.reply(call, m.InternalKVPutReply(added=added))


@serves("InternalKVGcsService.InternalKVGet")
def get(gcs: Gcs, call: int, request: m.InternalKVGetRequest) -> None:
    if not _refused(gcs, call, m.InternalKVGetReply(), request.key):
        field = layout.kv_field(request.namespace, request.key)
        gcs.read(fx.Get(layout.KV, field), then(_got, call))


def _got(gcs: Gcs, call: int, value: bytes | None) -> None:
    if value is None:
        gcs.fail(call, m.InternalKVGetReply(), Code.NOT_FOUND, "Failed to find the key")
    else:
        gcs.reply(call, m.InternalKVGetReply(value=value))


@serves("InternalKVGcsService.InternalKVMultiGet")
def multi_get(gcs: Gcs, call: int, request: m.InternalKVMultiGetRequest) -> None:
    keys = tuple(request.keys)
    if _refused(gcs, call, m.InternalKVMultiGetReply(), *keys):
        return
    if not keys:
        gcs.reply(call, m.InternalKVMultiGetReply())
        return
    fields = tuple(layout.kv_field(request.namespace, key) for key in keys)
    gcs.read(fx.GetMany(layout.KV, fields), then(_multi_got, call, keys))


def _multi_got(gcs: Gcs, call: int, keys: tuple[bytes, ...], values: list[bytes | None]) -> None:
    reply = m.InternalKVMultiGetReply()
    for key, value in zip(keys, values, strict=True):
        if value is not None:
            reply.results.add(key=key, value=value)
    gcs.reply(call, reply)


@serves("InternalKVGcsService.InternalKVExists")
def exists(gcs: Gcs, call: int, request: m.InternalKVExistsRequest) -> None:
    if not _refused(gcs, call, m.InternalKVExistsReply(), request.key):
        field = layout.kv_field(request.namespace, request.key)
        gcs.read(fx.Get(layout.KV, field), then(_exists, call))


def _exists(gcs: Gcs, call: int, value: bytes | None) -> None:
    gcs.reply(call, m.InternalKVExistsReply(exists=value is not None))


@serves("InternalKVGcsService.InternalKVKeys")
def keys(gcs: Gcs, call: int, request: m.InternalKVKeysRequest) -> None:
    if not _refused(gcs, call, m.InternalKVKeysReply(), request.prefix):
        prefix = layout.kv_field(request.namespace, request.prefix)
        gcs.read(fx.Scan(layout.KV, prefix), then(_keys, call, request.namespace))


def _keys(gcs: Gcs, call: int, namespace: bytes, found: dict[bytes, bytes]) -> None:
    fields = _within(namespace, found)
    gcs.reply(call, m.InternalKVKeysReply(results=[layout.kv_key(namespace, field) for field in fields]))


def _within(namespace: bytes, found: Iterable[bytes]) -> tuple[bytes, ...]:
    """The fields that lie in ``namespace`` itself."""
    return tuple(field for field in found if namespace or not field.startswith(layout.RESERVED_PREFIX))


@serves("InternalKVGcsService.InternalKVDel")
def delete(gcs: Gcs, call: int, request: m.InternalKVDelRequest) -> None:
    if _refused(gcs, call, m.InternalKVDelReply(), request.key):
        return
    field = layout.kv_field(request.namespace, request.key)
    if request.del_by_prefix:
        gcs.read(fx.Scan(layout.KV, field), then(_prefix_found, call, request.namespace))
    else:
        gcs.write(fx.Delete(layout.KV, (field,)), then(_deleted, call))


def _prefix_found(gcs: Gcs, call: int, namespace: bytes, found: dict[bytes, bytes]) -> None:
    fields = _within(namespace, found)
    if fields:
        gcs.write(fx.Delete(layout.KV, fields), then(_deleted, call))
    else:
        _deleted(gcs, call, 0)


def _deleted(gcs: Gcs, call: int, count: int) -> None:
    gcs.reply(call, m.InternalKVDelReply(deleted_num=count))


@serves("InternalKVGcsService.GetInternalConfig")
def get_internal_config(gcs: Gcs, call: int, _request: m.GetInternalConfigRequest) -> None:
    gcs.reply(call, m.GetInternalConfigReply(config=gcs.config.given))
