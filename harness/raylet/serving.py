"""Doors: gRPC ports on loopback, each with its own table of answers in raw bytes.

gRPC's Python servers do not tell a handler which address was called, and one full server per
raylet, worker and owner is too heavy; so a door is the unit, and what stands behind it is a
detail of this module.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc

Answer = Callable[[bytes], Awaitable[bytes]]


class Refused(Exception):
    """An answer that is a gRPC error: status code and its details."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details


class _Table(grpc.GenericRpcHandler):
    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._handlers: dict[str, Any] = {
            path: grpc.unary_unary_rpc_method_handler(_behaviour(one)) for path, one in answers.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._handlers.get(handler_call_details.method)


def _behaviour(answer: Answer) -> Callable[..., Awaitable[bytes]]:
    async def behave(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        try:
            return await answer(request)
        except Refused as refused:
            await context.abort(refused.code, refused.details)

    return behave


class Door:
    """One bound port."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def open(self, address: str, port: int = 0) -> int:
        """Bind ``address:port`` (0: any); gives back the port. OSError if it is taken."""
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((_Table(self._answers),))
        try:
            self.port = server.add_insecure_port(f"{address}:{port}")
        except RuntimeError as error:
            raise OSError(f"cannot bind {address}:{port}: {error}") from None
        await server.start()
        self._server = server
        return self.port

    async def close(self) -> None:
        """Close the port and cut its connections at once."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None
