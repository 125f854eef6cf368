"""``python -m harness.proxy.host``: a process of proxies, led by a pytest in another.

It serves the first connection that says something, and ends with it: whoever led it is gone then.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from harness.history.recorder import Recorder
from harness.process.python import PARENT_PIPE
from harness.proxy.loop import LOOP
from harness.proxy.redis import RedisProxy
from harness.proxy.rule import Armed, Match
from harness.proxy.tcp import Proxy, TcpProxy
from harness.proxy.wire import CONTROL_FILE, KILL_SECONDS, Link, Message, fault_of, mode_of, tls_of


class Host:
    """The proxies of this process. Their numbers, and those of rules and faults, are given by who leads it."""

    def __init__(self) -> None:
        self._recorders: dict[tuple[str, int, str], Recorder] = {}
        self._proxies: dict[int, Proxy] = {}
        self._rules: dict[int, Armed] = {}
        self._faults: dict[int, AbstractContextManager[None]] = {}
        self._leader: Link | None = None
        self._lock = threading.Lock()
        self._asked: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._kills: dict[int, queue.SimpleQueue[Message]] = {}
        """What is said about each kill that is under way, or asked by whoever carries it out."""
        self._killed = 0
        self._ops: dict[str, Callable[..., Any]] = {
            "ping": lambda: None,
            "turn_to": self._turn_to,
            "redis": self._redis,
            "tcp": self._tcp,
            "open": lambda proxy, host, port, via: self._proxies[proxy].listen(host, port, via),
            "close": lambda proxy: self._proxies[proxy].close(),
            "connections": lambda proxy, via: [asdict(one) for one in self._proxies[proxy].connections(via)],
            "inject": self._inject,
            "heal": lambda fault: self._faults.pop(fault).__exit__(None, None, None),
            "arm": self._arm,
            "release": lambda rule: self._rules[rule].release() if rule in self._rules else None,
            "disarm": self._disarm,
            "mark": lambda proxy: self._store(proxy).mark(),
            "units": lambda proxy, since, via: [asdict(one) for one in self._store(proxy).units(since, via)],
            "flush": lambda proxy: self._store(proxy).flush(),
        }

    def serve(self, listener: socket.socket) -> None:
        """For ever; each connection in a thread, and requests in one."""
        threading.Thread(target=self._work, name="requests", daemon=True).start()
        while True:
            connected, _ = listener.accept()
            threading.Thread(target=self._hear, args=(Link(connected),), daemon=True).start()

    # What is heard

    def _hear(self, link: Link) -> None:
        for message in link.messages():
            with self._lock:
                self._leader = self._leader or link
            if self._leader is not link:
                break
            kill = self._kills.get(message.pop("kill", 0))
            (self._asked if kill is None else kill).put(message)
        if self._leader is link:
            os._exit(0)
        link.close()

    def _work(self) -> None:
        while True:
            self._answer(self._asked.get())

    def _answer(self, message: Message) -> None:
        number, op = message.pop("id", None), message.pop("op")
        if number is None:  # what a kill came to, when nobody waited for it any longer
            return
        try:
            reply = {"value": self._ops[op](**message)}
        except Exception as problem:  # noqa: BLE001 - raised again by who asked
            said = str(problem) if isinstance(problem, OSError | RuntimeError) else repr(problem)
            reply = {"error": said, "os": isinstance(problem, OSError)}
        self._say({"id": number, **reply})

    def _say(self, message: Message) -> None:
        if self._leader is not None:
            with suppress(OSError):  # its end is heard
                self._leader.send(message)

    # What is asked

    def _redis(
        self, proxy: int, backend: tuple[str, int], record: Message | None, kills: bool, tls: Message | None
    ) -> None:
        kill = partial(self._kill, proxy) if kills else None
        self._proxies[proxy] = RedisProxy((backend[0], backend[1]), self._recorder(record), kill, tls_of(tls))

    def _tcp(self, proxy: int, backend: tuple[str, int], record: Message | None, watch: bool) -> None:
        self._proxies[proxy] = TcpProxy((backend[0], backend[1]), self._recorder(record), watch)

    def _recorder(self, record: Message | None) -> Recorder:
        """One for all proxies of a cluster, whose entries it numbers."""
        if record is None:
            return Recorder()
        directory, cluster, writer = record["directory"], record["cluster"], record["writer"]
        made = self._recorders.get((directory, cluster, writer))
        if made is None:
            made = Recorder(Path(directory), record["case"], cluster, writer)
            self._recorders[directory, cluster, writer] = made
        return made

    def _turn_to(self, record: Message) -> None:
        recorder, case = self._recorder(record), record["case"]

        def turn() -> None:
            if recorder.case != case:  # else another proxy of the cluster was told before
                for proxy in self._proxies.values():
                    proxy.turn_to(case)
                recorder.turn_to(case)

        LOOP.call(turn)

    def _store(self, proxy: int) -> RedisProxy:
        found = self._proxies[proxy]
        assert isinstance(found, RedisProxy)
        return found

    def _inject(self, proxy: int, fault: int, what: Message, armed: bool) -> None:
        begun = self._proxies[proxy].fault(fault_of(what), armed)
        begun.__enter__()
        self._faults[fault] = begun

    def _arm(self, proxy: int, rule: int, mode: Message, match: Message) -> None:
        def tell(armed: Armed) -> None:
            self._say(
                {
                    "event": "rule",
                    "rule": rule,
                    "unit": asdict(armed.unit) if armed.unit else None,
                    "struck_at": armed.struck_at,
                    "struck": armed.struck.is_set(),
                    "live": armed.live,
                }
            )

        self._rules[rule] = self._store(proxy).arm(mode_of(mode), Match(**match), tell)

    def _disarm(self, rule: int) -> None:
        armed = self._rules.pop(rule, None)
        if armed is not None:
            armed.disarm()

    def _kill(self, proxy: int, via: str) -> None:
        """Let the GCS be killed, and return when it is dead. In the loop: until then no byte passes.

        What the one who kills it asks meanwhile is answered here, where it must not wait for the loop.
        """
        self._killed += 1
        kill = self._killed
        said = self._kills[kill] = queue.SimpleQueue()
        end = monotonic() + KILL_SECONDS
        self._say({"event": "kill", "kill": kill, "proxy": proxy, "via": via})
        try:
            while (message := said.get(timeout=max(0.0, end - monotonic())))["op"] != "killed":
                self._answer(message)
        except queue.Empty:
            raise RuntimeError(f"{via} was not killed within {KILL_SECONDS:g} s") from None
        finally:
            del self._kills[kill]
        if message["error"]:
            raise RuntimeError(f"{via} was not killed: {message['error']}")


def parser() -> argparse.ArgumentParser:
    """What the host takes on its command line."""
    known = argparse.ArgumentParser(prog="python -m harness.proxy.host", description=__doc__)
    known.add_argument("--directory", required=True, help="where control.json goes")
    known.add_argument("--control", required=True, help="the IP at which it takes requests, or IP:PORT")
    known.add_argument(PARENT_PIPE, action="store_true", help="end at once when standard input ends")
    return known


def main() -> None:
    """Open the control port, say where it is, and serve until killed, or until who leads it is gone."""
    arguments = parser().parse_args()
    if arguments.parent_pipe:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    address, _, port = arguments.control.partition(":")
    listener = socket.create_server((address, int(port or 0)))
    # Written aside and moved into place: a reader sees nothing or all.
    path = Path(arguments.directory) / CONTROL_FILE
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps({"port": listener.getsockname()[1], "pid": os.getpid()}))
    aside.replace(path)
    Host().serve(listener)


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
