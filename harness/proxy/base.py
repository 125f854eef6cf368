"""What proxies can do, in this process or in another: see :mod:`harness.proxy.remote`."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Protocol

from harness.proxy.link.base import LinkFault
from harness.proxy.modes.base import Mode
from harness.proxy.rule import Match
from harness.proxy.tunnel import Connection
from harness.proxy.unit import Unit


class Strike(Protocol):
    """A rule that was armed: :class:`harness.proxy.rule.Armed`. Usable from any thread."""

    struck: threading.Event
    unit: Unit | None
    struck_at: float | None
    live: bool

    @property
    def mode(self) -> Mode: ...

    @property
    def match(self) -> Match: ...

    def wait(self, timeout: float | None = None) -> bool: ...
    def is_set(self) -> bool: ...
    def release(self) -> None: ...
    def disarm(self) -> None: ...


class _Proxy(Protocol):
    def close(self) -> None: ...
    def connections(self, via: str | None = None) -> list[Connection]: ...
    def fault(self, fault: LinkFault, armed: bool = False) -> AbstractContextManager[None]: ...
    def turn_to(self, case: str) -> None:
        """Write down all that belongs to the case so far; call it right before the recorder turns to ``case``."""


class LinkProxy(_Proxy, Protocol):
    """A proxy on any link: :class:`harness.proxy.tcp.TcpProxy`."""

    def open(self, host: str = ..., port: int | None = None) -> tuple[str, int]:
        """Await clients there; without a ``host`` where the proxy is at home, at a port of its own if none is given."""


class StoreProxy(_Proxy, Protocol):
    """A proxy between GCSs and their Redis: :class:`harness.proxy.redis.RedisProxy`."""

    def open(self, via: str = "gcs", host: str = ..., port: int | None = None) -> tuple[str, int]:
        """Await the GCS named ``via``; where, as of :class:`LinkProxy`."""

    def arm(self, mode: Mode, match: Match) -> Strike: ...
    def mark(self) -> int: ...
    def units(self, since: int = 0, via: str | None = None) -> list[Unit]: ...
    def flush(self) -> None: ...
