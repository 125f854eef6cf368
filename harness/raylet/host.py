"""``python -m harness.raylet.host``: a process that is one raylet, or many.

Nothing large may be imported at the top of this module: the zygote is forked before gRPC comes in.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from typing import TYPE_CHECKING

from harness.raylet.zygote import fork_zygote

if TYPE_CHECKING:
    import asyncio
    import socket

    from harness.raylet.gcs_client import GcsLink
    from harness.raylet.raylet import Options, Raylet

CONTROL_FILE = "control.json"


class Host:
    """The raylets of this process. With a single one, its end is the process's end, unless it is to last."""

    def __init__(self, arguments: argparse.Namespace, pair: socket.socket) -> None:
        from harness.raylet.gcs_client import GcsLink
        from harness.raylet.nursery import Nursery
        from harness.raylet.scribe import Record
        from harness.wire.dialect import dialect

        options = [(name, value) for name, value in json.loads(arguments.channel_options)]
        self.raylets: dict[bytes, Raylet] = {}
        self.nursery = Nursery(pair)
        self.link = GcsLink(arguments.gcs, dialect(arguments.release), options, arguments.check_interval)
        self.record = Record()
        if arguments.record:
            self.record.turn(*json.loads(arguments.record))
        self._shared, self._lasting = arguments.shared, arguments.lasting
        self._ending: set[asyncio.Task[None]] = set()
        self._ways: list[GcsLink] = []

    async def add(self, options: Options) -> Raylet:
        """Open a raylet and let it register; OSError if its port is taken."""
        from harness.raylet.raylet import Raylet

        raylet = Raylet(options, self._way(options.gcs), self.nursery, self._shared, self._gone, self.record)
        await raylet.open()
        self.raylets[raylet.node_id] = raylet
        return raylet

    def _gone(self, raylet: Raylet, status: int) -> None:
        import asyncio

        if len(self.raylets) == 1 and not self._lasting:
            # As Ray's _Exit: no cleanup. The zygote and its workers die of it.
            os._exit(status)
        ending = asyncio.create_task(raylet.close())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _way(self, target: str) -> GcsLink:
        """The channel to the GCS at ``target``, for one raylet; without one that of all."""
        if not target:
            return self.link
        self._ways.append(self.link.to(target))
        return self._ways[-1]

    async def clear(self) -> None:
        """Free all raylets, whatever they are at, as if there had been none."""
        raylets, self.raylets = list(self.raylets.values()), {}
        ways, self._ways = self._ways, []
        for raylet in raylets:
            await raylet.close()
        for way in ways:
            await way.channel.close()


async def serve(arguments: argparse.Namespace, pair: socket.socket) -> None:
    """Open the control port, say where it is, and serve until killed."""
    import asyncio

    from harness.raylet import jsonline
    from harness.raylet.control import Control

    host = Host(arguments, pair)
    await host.nursery.open()
    server = await asyncio.start_server(Control(host).serve, arguments.control, 0, limit=jsonline.LIMIT_BYTES)
    port = server.sockets[0].getsockname()[1]
    # Written aside and moved into place: a reader sees nothing or all.
    path = os.path.join(arguments.directory, CONTROL_FILE)  # noqa: PTH118
    with open(f"{path}.new", "w") as file:  # noqa: PTH123
        json.dump({"port": port, "pid": os.getpid()}, file)
    os.replace(f"{path}.new", path)  # noqa: PTH105
    await server.serve_forever()


def parser() -> argparse.ArgumentParser:
    """What the host takes on its command line."""
    known = argparse.ArgumentParser(prog="python -m harness.raylet.host", description=__doc__)
    known.add_argument("--gcs", required=True, help="gRPC target: 127.0.0.1:6379, dns://…/name:port")
    known.add_argument("--control", default="127.0.0.1", help="the IP at which it takes requests")
    known.add_argument("--release", required=True, help="the Ray release to speak like, e.g. 2.60.0")
    known.add_argument("--directory", required=True, help="where control.json goes")
    known.add_argument("--shared", required=True, help="directory that all hosts of a cluster share")
    known.add_argument("--check-interval", type=float, default=1.0, help="s between looks at a lost channel")
    known.add_argument("--channel-options", default="[]", help="JSON list of [name, value] gRPC options")
    known.add_argument(
        "--record", default="", help="JSON list: directory, case, cluster, writer of the history"
    )
    known.add_argument("--lasting", action="store_true", help="outlive the last raylet")
    known.add_argument(
        "--parent-pipe", action="store_true", help="end at once when standard input reaches its end"
    )
    return known


def main() -> None:
    """Fork the zygote, then become the host."""
    arguments = parser().parse_args()
    _, pair = fork_zygote()
    if arguments.parent_pipe:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    import asyncio

    asyncio.run(serve(arguments, pair))


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
