"""From a message's behaviour to a door's answer: decode, record the order, deviate, act, encode."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from harness.raylet.orders import Journal
from harness.raylet.scripts import Script, Scripts
from harness.raylet.serving import Answer, Refused
from harness.wire.dialect import Dialect
from harness.wire.rpc import method


@dataclass(frozen=True)
class Behaviour:
    """What one method does. ``refuse`` says no in the method's own words, if it has any."""

    act: Callable[[Any], Awaitable[Message]]
    refuse: Callable[[Any], Awaitable[Message]] | None = None


class Desk:
    """Answers for one raylet, or one worker of it: all orders into one journal."""

    def __init__(self, dialect: Dialect, orders: Journal, scripts: Scripts, worker_id: bytes = b"") -> None:
        self._dialect = dialect
        self._orders = orders
        self._scripts = scripts
        self._worker_id = worker_id

    def answers(self, behaviours: Mapping[str, Behaviour]) -> dict[str, Answer]:
        """``Service.Method`` -> behaviour, as the paths of this release."""
        return {
            method(name).path(self._dialect): self._answer(name, behaviour)
            for name, behaviour in behaviours.items()
        }

    def _answer(self, name: str, behaviour: Behaviour) -> Answer:
        kind = method(name)

        async def answer(data: bytes) -> bytes:
            try:
                request = self._dialect.decode(kind.request, data)
            except DecodeError:
                raise Refused(grpc.StatusCode.INTERNAL, "Unable to parse request") from None
            record = self._orders.write(kind.name, fields=plain(request), outcome="received")
            if self._worker_id:
                record["worker_id"] = self._worker_id
            try:
                reply = await self._deviate(self._scripts.take(kind.name), behaviour, request, record)
            except asyncio.CancelledError:
                record["outcome"] = "caller gone"
                raise
            record["outcome"] = "answered"
            return self._dialect.encode(reply)

        return answer

    async def _deviate(
        self, script: Script | None, behaviour: Behaviour, request: Message, record: dict[str, Any]
    ) -> Message:
        if script is None:
            return await behaviour.act(request)
        record["script"] = script.mode
        if script.mode == "fail":
            raise Refused(grpc.StatusCode[script.code], "scripted failure")
        if script.mode == "refuse":
            if behaviour.refuse is None:
                raise Refused(grpc.StatusCode.UNIMPLEMENTED, "this method has no word for no")
            return await behaviour.refuse(request)
        if script.mode == "hold":
            reply = await behaviour.act(request)
            await script.released.wait()
            return reply
        if script.mode == "mute":
            await asyncio.get_running_loop().create_future()
        elif script.mode == "stall":
            await script.released.wait()
        else:
            await asyncio.sleep(script.seconds)
        return await behaviour.act(request)


def plain(message: Message) -> dict[str, Any]:
    """The set fields of ``message`` as plain values: bytes stay bytes, enums become their names."""
    return {one.name: _plain_field(one, value) for one, value in message.ListFields()}


def _plain_field(one: Any, value: Any) -> Any:
    if one.message_type is not None and one.message_type.GetOptions().map_entry:
        return dict(value)
    convert: Callable[[Any], Any] = lambda item: item  # noqa: E731
    if one.message_type is not None:
        convert = plain
    elif one.enum_type is not None:
        names = one.enum_type.values_by_number
        convert = lambda item: names[item].name if item in names else item  # noqa: E731
    return [convert(item) for item in value] if one.is_repeated else convert(value)
