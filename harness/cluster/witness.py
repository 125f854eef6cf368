"""A stand-in at an address where nothing should be told anything any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc


class Witness(grpc.GenericRpcHandler):
    """Listens at ``address:port`` and notes every method that is called, answering none."""

    def __init__(self, address: str, port: int) -> None:
        self._calls: list[str] = []
        self._server = grpc.server(ThreadPoolExecutor(2), handlers=[self], options=[("grpc.so_reuseport", 0)])
        self._server.add_insecure_port(f"{address}:{port}")
        self._server.start()

    def service(self, handler_call_details: Any) -> None:
        """gRPC's hook: note the call, and let it end as unimplemented."""
        self._calls.append(handler_call_details.method)

    def calls(self) -> list[str]:
        return list(self._calls)

    def close(self) -> None:
        self._server.stop(grace=None)
