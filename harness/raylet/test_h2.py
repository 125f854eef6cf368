"""The HTTP/2 server against gRPC's own client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from harness.raylet.serving import Answer, Door, Refused


def served(answers: dict[str, Answer], use: Callable[[Any, Door], Awaitable[None]]) -> None:
    """Open a door with ``answers`` and let ``use`` call it."""

    async def run() -> None:
        door = Door(answers)
        port = await door.open("127.0.0.1")
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
            await asyncio.wait_for(use(channel, door), 20)
        await door.close()

    asyncio.run(run())


def test_large_messages_pass_both_ways_through_the_windows() -> None:
    async def use(channel: Any, _: Door) -> None:
        echo = channel.unary_unary("/a/echo")
        data = bytes(range(256)) * 20_000
        asked = [data, b"", data[:70_000]]
        assert list(await asyncio.gather(*[echo(one) for one in asked])) == asked

    served({"/a/echo": lambda data: data}, use)


def test_many_calls_at_once_and_in_a_row_on_one_connection() -> None:
    async def later(data: bytes) -> bytes:
        await asyncio.sleep(0.01)
        return data

    async def use(channel: Any, door: Door) -> None:
        slow, quick = channel.unary_unary("/a/slow"), channel.unary_unary("/a/quick")
        asked = [str(number).encode() for number in range(300)]
        metadata = (("x-long", "v" * 5000), ("x-bin", b"\x00\xff"), ("x-short", "1"))
        for _ in range(3):
            assert await asyncio.gather(*[slow(one, metadata=metadata) for one in asked]) == asked
        for one in asked:
            assert await quick(one) == one

    served({"/a/slow": later, "/a/quick": lambda data: data}, use)


def test_errors_have_their_code_and_details() -> None:
    def refuse(_: bytes) -> bytes:
        raise Refused(grpc.StatusCode.ABORTED, "100 % nö\n")

    async def broken(_: bytes) -> bytes:
        raise RuntimeError("a bug")

    async def use(channel: Any, _: Door) -> None:
        wanted = {
            "/a/refuse": (grpc.StatusCode.ABORTED, "100 % nö\n"),
            "/a/none": (grpc.StatusCode.UNIMPLEMENTED, "no such method: /a/none"),
            "/a/broken": (grpc.StatusCode.INTERNAL, "RuntimeError('a bug')"),
        }
        for path, (code, details) in wanted.items():
            try:
                await channel.unary_unary(path)(b"")
            except grpc.aio.AioRpcError as error:
                assert (error.code(), error.details()) == (code, details)
            else:
                raise AssertionError(path)

    served({"/a/refuse": refuse, "/a/broken": broken}, use)


def test_a_cancelled_call_cancels_its_answer() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def forever(_: bytes) -> bytes:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return b""

    async def use(channel: Any, _: Door) -> None:
        call = channel.unary_unary("/a/forever")(b"")
        await asyncio.wait_for(begun.wait(), 5)
        call.cancel()
        await ended.wait()

    served({"/a/forever": forever}, use)


def test_closing_cuts_calls_in_flight_as_unavailable() -> None:
    begun = asyncio.Event()

    async def use(channel: Any, door: Door) -> None:
        call = channel.unary_unary("/a/forever")(b"")
        await asyncio.wait_for(begun.wait(), 5)
        await door.close()
        assert await call.code() is grpc.StatusCode.UNAVAILABLE

    async def forever(_: bytes) -> bytes:
        begun.set()
        await asyncio.sleep(60)
        return b""

    served({"/a/forever": forever}, use)


def test_nonsense_is_cut_off() -> None:
    async def use(_: Any, door: Door) -> None:
        for nonsense in (
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 40,
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(nonsense)
            try:
                while await reader.read(100):
                    pass
            except ConnectionResetError:
                pass
            writer.close()

    served({}, use)


def test_a_taken_port_is_an_error() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            try:
                await Door({}).open("127.0.0.1", taken.getsockname()[1])
            except OSError:
                return
        raise AssertionError("it was opened twice")

    asyncio.run(run())
