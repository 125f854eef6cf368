"""Proxies in another process, and rules that are armed at them, used as those of this one are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.history.recorder import Recorder
from harness.proxy.link import LinkFault
from harness.proxy.modes import Mode
from harness.proxy.rule import Match
from harness.proxy.tunnel import Connection
from harness.proxy.unit import Unit
from harness.proxy.wire import Message, connection_of, packed, unit_of

if TYPE_CHECKING:
    from harness.proxy.remote import ProxyHost


class RemoteArmed:
    """A rule that was armed in a host: see :class:`harness.proxy.rule.Armed`. What it is told is pushed."""

    def __init__(self, host: ProxyHost, number: int, mode: Mode, match: Match) -> None:
        self.mode, self.match = mode, match
        self.struck = threading.Event()
        self.unit: Unit | None = None
        self.struck_at: float | None = None
        self.live = True
        self._host, self._number = host, number
        self._woken = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it has struck, after ``timeout`` seconds at most; RuntimeError if it no longer can,
        because its host has ended."""
        self._woken.wait(timeout)
        if not self.struck.is_set():
            self._host.check()
        return self.struck.is_set()

    def is_set(self) -> bool:
        """Whether it has struck; :attr:`struck` alone may be a moment behind what a client of the proxy sees."""
        if not self.struck.is_set():
            self._host.catch_up()
        return self.struck.is_set()

    def release(self) -> None:
        """Let go what is held."""
        self._host.ask("release", rule=self._number)

    def disarm(self) -> None:
        """Strike nothing from now on, and let go what is held. May be called again."""
        self._host.disarm(self._number)

    # For the host

    def heard(self, event: Message) -> None:
        self.unit, self.struck_at = unit_of(event["unit"]), event["struck_at"]
        self.live = event["live"]
        if event["struck"]:
            self.struck.set()
            self.wake()

    def wake(self) -> None:
        """Nothing more is to be waited for."""
        self._woken.set()


class _RemoteProxy:
    """What :class:`harness.proxy.tcp.Proxy` offers, of one in a host."""

    def __init__(self, host: ProxyHost, number: int, recorder: Recorder | None) -> None:
        self.host, self.number = host, number
        self._recorder = recorder or Recorder()

    def close(self) -> None:
        """Refuse, reset every connection, and write down what is left. May be called again.

        RuntimeError when a proxy failed in its own code, or a kill did.
        """
        if not self.host.ended:
            self._ask("close")

    def connections(self, via: str | None = None) -> list[Connection]:
        """Those that are open, and the last thousand that were, by number; of one port's name if given."""
        return [connection_of(one) for one in self._ask("connections", via=via)]

    @contextmanager
    def fault(self, fault: LinkFault, armed: bool = False) -> Iterator[None]:
        """``with proxy.fault(Delay(0.05)):`` it strikes all connections, those that exist and new ones.

        ``armed``: it waits for them, and need not meet any.
        """
        number = self.host.number()
        self._ask("inject", fault=number, what=packed(fault), armed=armed)
        try:
            yield
        finally:
            self.host.ask("heal", fault=number)

    def turn_to(self, case: str) -> None:
        """Write down all that belongs to the case so far; call it right before the recorder turns to ``case``."""
        if self._recorder.on:
            self.host.ask("turn_to", record=self.record(case))

    def record(self, case: str | None = None) -> Message | None:
        """Where the host writes, of this case or the present one; None: nowhere."""
        own = self._recorder
        if own.directory is None:
            return None
        return {
            "directory": str(own.directory.absolute()),
            "case": own.case if case is None else case,
            "cluster": own.cluster,
            "writer": self.host.writer,
        }

    def _listen(self, host: str | None, port: int | None, via: str = "") -> tuple[str, int]:
        address, chosen = self._ask("open", host=host or self.host.address, port=port, via=via)
        return address, chosen

    def _ask(self, op: str, **fields: Any) -> Any:
        return self.host.ask(op, proxy=self.number, **fields)


class RemoteTcpProxy(_RemoteProxy):
    """A :class:`harness.proxy.tcp.TcpProxy` in a host: :meth:`ProxyHost.tcp`."""

    def open(self, host: str | None = None, port: int | None = None) -> tuple[str, int]:
        """Await clients there, as soon as the backend does; ``(host, port)``.

        The host's own address and a port that is free there, when none are given. OSError if the
        port is another's.
        """
        return self._listen(host, port)


class RemoteRedisProxy(_RemoteProxy):
    """A :class:`harness.proxy.redis.RedisProxy` in a host: :meth:`ProxyHost.redis`."""

    def open(self, via: str = "gcs", host: str | None = None, port: int | None = None) -> tuple[str, int]:
        """Await the GCS named ``via``; where, as of :meth:`RemoteTcpProxy.open`."""
        return self._listen(host, port, via)

    def arm(self, mode: Mode, match: Match) -> RemoteArmed:
        """Let ``mode`` strike the unit that ``match`` tells, once, from now on."""
        return self.host.arm(self.number, mode, match)

    def mark(self) -> int:
        """The number of the last unit so far, for :meth:`units`; all before it is in the ledger's file
        unless its reply is still to come."""
        return int(self._ask("mark"))

    def units(self, since: int = 0, via: str | None = None) -> list[Unit]:
        """The units after number ``since`` that a rule may match, in order; of one GCS if named."""
        return [Unit(**one) for one in self._ask("units", since=since, via=via)]

    def flush(self) -> None:
        """Write down all that has been answered so far."""
        self._ask("flush")
