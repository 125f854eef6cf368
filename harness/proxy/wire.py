"""What pytest and a host of proxies say to each other: JSON lines, both ways over one connection.

A request is ``{"id": 7, "op": "open", …}``, its reply ``{"id": 7, "value": …}`` or ``{"id": 7, "error":
"…", "os": bool}``. By itself the host says ``{"event": "rule", …}`` and ``{"event": "kill", …}``. One
connection, because what a rule did must be known before the reply to a request that came after it.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from harness.proxy import link, modes
from harness.proxy.link import LinkFault
from harness.proxy.modes import Mode
from harness.proxy.tunnel import Connection
from harness.proxy.unit import Unit
from harness.store.base import Tls

T = TypeVar("T")
CONTROL_FILE = "control.json"
KILL_SECONDS = 60.0
"""How long a host waits for a GCS to be killed."""
Message = dict[str, Any]


def _classes(room: ModuleType, base: type[T]) -> Mapping[str, type[T]]:
    found = (one for one in vars(room).values() if isinstance(one, type) and issubclass(one, base))
    return {one.__name__: one for one in found if one is not base}


MODES = _classes(modes, Mode)
FAULTS = _classes(link, LinkFault)


def packed(what: Mode | LinkFault) -> Message:
    """A mode or a fault by its name and fields. TypeError when it is none of the proxy's own."""
    known: Mapping[str, type] = MODES if isinstance(what, Mode) else FAULTS
    name = type(what).__name__
    if known.get(name) is not type(what):
        raise TypeError(f"{what!r} is no mode or fault that another process knows")
    return {"name": name, "fields": vars(what)}


def packed_tls(tls: Tls | None) -> Message | None:
    """Its files by their absolute paths: the other process may stand elsewhere."""
    return None if tls is None else {name: str(path.absolute()) for name, path in vars(tls).items()}


def mode_of(said: Message) -> Mode:
    return MODES[said["name"]](**said["fields"])


def fault_of(said: Message) -> LinkFault:
    return FAULTS[said["name"]](**said["fields"])


def tls_of(said: Message | None) -> Tls | None:
    return None if said is None else Tls(**{name: Path(path) for name, path in said.items()})


def unit_of(said: Message | None) -> Unit | None:
    return Unit(**said) if said else None


def connection_of(said: Message) -> Connection:
    host, port = said["client"]
    return Connection(**{**said, "client": (host, port), "faults": tuple(said["faults"])})


class Link:
    """One end of the connection. Any thread may send; one reads."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(None)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """OSError when nobody is there any more."""
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._socket.sendall(line)

    def messages(self) -> Iterator[Message]:
        """What comes, until either side ends it."""
        with suppress(OSError, ValueError), self._socket.makefile("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield json.loads(line)

    def close(self) -> None:
        """Also for who reads."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
