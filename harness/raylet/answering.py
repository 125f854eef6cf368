"""From a message's behaviour to a door's answer: decode, record the order, deviate, act, encode."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from harness.raylet.orders import Journal
from harness.raylet.scribe import Scribe
from harness.raylet.scripts import Script, Scripts
from harness.raylet.serving import CALLER, Answer, Refused
from harness.wire.dialect import Dialect
from harness.wire.rpc import method


@dataclass(frozen=True)
class Behaviour:
    """What one method does. ``refuse`` says no in the method's own words, if it has any."""

    act: Callable[[Any], Awaitable[Message]]
    refuse: Callable[[Any], Awaitable[Message]] | None = None


class Desk:
    """Answers for one raylet, or one worker of it: all orders into one journal, and the history."""

    def __init__(
        self, dialect: Dialect, orders: Journal, scripts: Scripts, scribe: Scribe, worker_id: bytes = b""
    ) -> None:
        self._dialect = dialect
        self._orders = orders
        self._scripts = scripts
        self._scribe = scribe
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
            script = self._scripts.take(kind.name)
            record = self._received(kind.name, request, script)
            try:
                reply = await self._deviate(script, behaviour, request)
            except asyncio.CancelledError:
                self._unanswered(record, "caller gone")
                raise
            except Refused:
                self._unanswered(record, "refused")
                raise
            record["outcome"] = "answered"
            return self._dialect.encode(reply)

        return answer

    def _received(self, name: str, request: Message, script: Script | None) -> dict[str, Any]:
        record = self._orders.write(name, fields=plain(request), outcome="received", connection=CALLER.get())
        if self._worker_id:
            record["worker_id"] = self._worker_id
        if script is not None:
            record["script"] = script.mode
        self._scribe.order(record, request)
        return record

    def _unanswered(self, record: dict[str, Any], outcome: str) -> None:
        record["outcome"] = outcome
        self._scribe.order_ended(record)

    async def _deviate(self, script: Script | None, behaviour: Behaviour, request: Message) -> Message:
        if script is None:
            return await behaviour.act(request)
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
