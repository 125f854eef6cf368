"""A process of proxies, or a container, as pytest sees it."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.history.recorder import Recorder
from harness.process.python import spawn_here
from harness.process.running import Spawn
from harness.proxy.asking import Line
from harness.proxy.modes import Mode
from harness.proxy.remote_proxy import RemoteArmed, RemoteRedisProxy, RemoteTcpProxy
from harness.proxy.rule import Match
from harness.proxy.wire import CONTROL_FILE, Link, Message, packed, packed_tls
from harness.store.base import Tls
from harness.wait import until

START_SECONDS = 20.0
_END_SECONDS = 2.0
_HOSTS = itertools.count()  # several may write the history of one case


class ProxyHost:
    """A process of proxies. Starts with the constructor; close it. Every method may be called from any thread.

    What is asked of it, or of its proxies, is a RuntimeError with the end of its log once it has
    ended by itself, and when one of its proxies failed in its own code.
    """

    def __init__(
        self,
        directory: Path,
        spawn: Spawn = spawn_here,
        address: str = "127.0.0.1",
        name: str = "proxy",
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start it and wait until it can be talked to (at most 20 s, else TimedOut).

        ``directory``: for its log and control file. ``address``: where it listens for us, and its
        proxies for their clients. All Redis proxies of a cluster belong to one host: it numbers
        the entries of their ledger.
        """
        self.address, self.name = address, name
        self.ended = False
        """Whether it was killed or closed."""
        self.writer = f"p{next(_HOSTS)}"
        """How ids of its events begin."""
        self._numbers = itertools.count(1)
        self._kills: dict[int, Callable[[str], None]] = {}
        self._rules: dict[int, RemoteArmed] = {}
        directory.mkdir(parents=True, exist_ok=True)
        control = directory / CONTROL_FILE
        control.unlink(missing_ok=True)
        arguments = ["--directory", str(directory.absolute()), "--control", address]
        log_path = directory / f"{name}.log"
        self._process = spawn("harness.proxy.host", arguments, address, env or {}, log_path, name)
        try:
            until(
                f"{name} to start",
                lambda: control.exists() or self.exit_status is not None,
                START_SECONDS,
                evidence=self.log_tail,
            )
            if not control.exists():
                raise RuntimeError(self._why_lost())
            place = (address, json.loads(control.read_text())["port"])
            link = Link(socket.create_connection(place, START_SECONDS))
            self._line = Line(name, link, self._heard, self._why_lost, self._lost)
            self.ask("ping")
        except BaseException:
            self._process.kill()
            raise

    def __enter__(self) -> ProxyHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Negative for a signal; None while it runs."""
        return self._process.poll()

    def log_tail(self, lines: int = 20) -> str:
        return self._process.log_tail(lines)

    def redis(
        self,
        backend: tuple[str, int],
        recorder: Recorder | None = None,
        kill: Callable[[str], None] | None = None,
        tls: Tls | None = None,
    ) -> RemoteRedisProxy:
        """A proxy between GCSs and their Redis, which writes into the files of ``recorder``.

        ``kill(via)`` kills the GCS of that name, and returns when it is dead; it runs in a thread of
        its own here, while no byte passes any proxy of the host. ``tls``: both sides speak it, each
        with the proxy; OSError when the host cannot use a file of it.
        """
        made = RemoteRedisProxy(self, self.number(), recorder)
        if kill is not None:
            self._kills[made.number] = kill
        self.ask(
            "redis",
            proxy=made.number,
            backend=backend,
            record=made.record(),
            kills=kill is not None,
            tls=packed_tls(tls),
        )
        return made

    def tcp(
        self, backend: tuple[str, int], recorder: Recorder | None = None, watch: bool = False
    ) -> RemoteTcpProxy:
        """A proxy on any link; see :class:`harness.proxy.tcp.Proxy`."""
        made = RemoteTcpProxy(self, self.number(), recorder)
        self.ask("tcp", proxy=made.number, backend=backend, record=made.record(), watch=watch)
        return made

    def kill(self) -> None:
        """SIGKILL: all connections through it end at once."""
        self.ended = True
        self._process.kill()

    def close(self) -> None:
        """Kill it, if it runs; may be called again. What was not flushed is lost: close its proxies before."""
        self.kill()
        self._line.close()

    # For its proxies and rules

    def number(self) -> int:
        """A number that nothing of it has."""
        return next(self._numbers)

    def ask(self, op: str, **fields: Any) -> Any:
        return self._line.ask(op, fields)

    def arm(self, proxy: int, mode: Mode, match: Match) -> RemoteArmed:
        number = self.number()
        rule = self._rules[number] = RemoteArmed(self, number, mode, match)
        self.ask("arm", proxy=proxy, rule=number, mode=packed(mode), match=asdict(match))
        return rule

    def disarm(self, rule: int) -> None:
        self.ask("disarm", rule=rule)
        self._rules.pop(rule, None)

    def check(self) -> None:
        """RuntimeError when it has ended by itself."""
        if not self.ended:
            self._line.check()

    def catch_up(self) -> None:
        """Hear all that it has said by now."""
        if not self.ended:
            self.ask("ping")

    # What it says

    def _heard(self, event: Message) -> None:
        if event["event"] == "kill":
            threading.Thread(target=self._carry_out, args=(event,), name="kill", daemon=True).start()
        elif rule := self._rules.get(event["rule"]):
            rule.heard(event)

    def _carry_out(self, event: Message) -> None:
        error = ""
        try:
            with self._line.inside(event["kill"]):
                self._kills[event["proxy"]](event["via"])
        except BaseException as problem:  # noqa: BLE001 - closing the proxy raises it
            error = repr(problem)
        with suppress(OSError):
            self._line.say({"op": "killed", "kill": event["kill"], "error": error})

    def _why_lost(self) -> str:
        """Called when the connection has ended."""
        status = self._process.wait(_END_SECONDS)
        if self.ended:
            return f"{self.name} was ended"
        how = "does not answer any more" if status is None else f"ended with {status}"
        return f"{self.name}, the process of the proxies, {how}; it said last:\n{self.log_tail()}"

    def _lost(self) -> None:
        for rule in list(self._rules.values()):
            rule.wake()
