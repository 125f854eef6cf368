"""The smallest program that counts as serving: it answers CheckAlive. For tests of the harness itself.

``python -m harness.target.tiny_gcs ADDRESS:PORT``
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from harness.wire import messages as m
from harness.wire.dialect import dialect
from harness.wire.rpc import handlers


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    behaviours = {"NodeInfoGcsService.CheckAlive": lambda request, context: m.CheckAliveReply()}
    server.add_generic_rpc_handlers(tuple(handlers(dialect(), behaviours)))
    server.add_insecure_port(sys.argv[1])
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
