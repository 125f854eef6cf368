"""``python -m harness.raylet.witness``: listens where a raylet was, and notes each method that is called; answers none."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc


class _Noting(grpc.GenericRpcHandler):
    """Appends a line to ``calls`` for each call."""

    def __init__(self, calls: Path) -> None:
        self._calls = calls

    def service(self, handler_call_details: Any) -> None:
        """gRPC's hook: note the call, and let it end as unimplemented."""
        with self._calls.open("a") as file:
            file.write(f"{handler_call_details.method}\n")


def main() -> None:
    """Listen, say so by making the file of calls, and go on until killed."""
    known = argparse.ArgumentParser(prog="python -m harness.raylet.witness", description=__doc__)
    known.add_argument("--address", required=True, help="ip:port")
    known.add_argument("--calls", type=Path, required=True, help="the file that gets a line for each call")
    known.add_argument("--parent-pipe", action="store_true", help="end when standard input reaches its end")
    arguments = known.parse_args()
    if arguments.parent_pipe:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    options = [("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(2), handlers=[_Noting(arguments.calls)], options=options)
    server.add_insecure_port(arguments.address)
    server.start()
    arguments.calls.touch()
    server.wait_for_termination()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
