"""A proxy between a GCS and its Redis: it writes the ledger, and strikes at a chosen command."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from harness.history.proof import proving
from harness.history.recorder import Recorder
from harness.proxy.ledger import Bundle, facts, unparsed
from harness.proxy.loop import LOOP
from harness.proxy.modes.base import Mode
from harness.proxy.redis_tunnel import RedisTunnel
from harness.proxy.rule import Armed, Match
from harness.proxy.tcp import Proxy
from harness.proxy.tunnel import Tunnel
from harness.proxy.unit import Unit, label_of, of_usage
from harness.store.base import Tls

_REMEMBERED = 200_000
_WRITTEN_WITHIN = 0.002  # seconds; several entries at once cost a busy GCS less than one by one


class RedisProxy(Proxy):
    """Passes commands and replies unchanged. Every method may be called from any thread.

    ``kill(via)`` kills the GCS that came by the port named ``via``, and returns when it is dead; it runs
    in the loop, so it must not wait for anything of this proxy. An entry of the ledger is written 2 ms
    after its reply was passed on at the latest, and before a rule is said to have struck: what a crash
    of the harness itself may take from the ledger are the last milliseconds.
    """

    def __init__(
        self,
        backend: tuple[str, int],
        recorder: Recorder | None = None,
        kill: Callable[[str], None] | None = None,
        tls: Tls | None = None,
    ) -> None:
        """``tls``: GCS and Redis speak it, each with the proxy. OSError when a file of it cannot be used."""
        super().__init__(backend, recorder, watch=True, tls=tls)
        self._kill = kill
        self._rules: list[Armed] = []
        self._units: deque[Unit] = deque(maxlen=_REMEMBERED)
        self._unit_numbers = itertools.count(1)
        self._last_number = 0
        self._finished: list[Bundle] = []

    # From any thread

    def open(self, via: str = "gcs", host: str = "127.0.0.1", port: int | None = None) -> tuple[str, int]:
        """Await the GCS named ``via`` there, at a port of our own when none is given; ``(host, port)``."""
        return self.listen(host, port, via)

    def close(self) -> None:
        """Refuse, reset every connection, and write down what is left. May be called again."""
        try:
            super().close()
        finally:
            for rule in LOOP.call(lambda: list(self._rules)):
                rule.disarm()
            self.flush()

    def arm(self, mode: Mode, match: Match, tell: Callable[[Armed], None] | None = None) -> Armed:
        """Let ``mode`` strike the unit that ``match`` tells, once, from now on.

        ``tell`` is called in the loop when the rule has met its unit, has struck, or ends.
        """
        rule = Armed(self, mode, match, tell)
        LOOP.call(self._rules.append, rule)
        return rule

    def mark(self) -> int:
        """The number of the last unit so far, for :meth:`units`; all before it is in the ledger's file
        unless its reply is still to come."""
        return LOOP.call(self._mark)

    def units(self, since: int = 0, via: str | None = None) -> list[Unit]:
        """The units after number ``since`` that a rule may match, in order; of one GCS if named."""

        def newer() -> list[Unit]:
            found = itertools.takewhile(lambda unit: unit.number > since, reversed(self._units))
            return [unit for unit in found if via is None or unit.via == via][::-1]

        return LOOP.call(newer)

    def turn_to(self, case: str) -> None:
        self.flush()

    def flush(self) -> None:
        """Write down all that has been answered so far."""
        LOOP.call(self._flush)

    # In the loop, for tunnels and rules

    def make_tunnel(self, number: int, via: str, client: tuple[str, int]) -> RedisTunnel:
        return RedisTunnel(self, number, via, client)

    def met(self, bundle: Bundle, via: str, judge: bool = True) -> Armed | None:
        """A unit is whole; number it. The rule that strikes it, if ``judge``."""
        commands = bundle.commands
        last = commands[-1]
        self._last_number = number = next(self._unit_numbers)
        if bundle.transaction:
            parts = [command.meaning for command in commands]
            label, writes = label_of(parts), any(part.writes for part in parts)
            aside = last.meaning.name != "EXEC"
        else:
            one = last.meaning
            label, writes = one.label, one.writes
            aside = one.aside or of_usage(last.arguments)
        unit = bundle.unit = Unit(number, label, via, bundle.connection, writes, last.at)
        if aside or not judge:
            return None
        self._units.append(unit)
        for rule in self._rules if self._rules else ():
            if rule.takes(unit) and bundle.rule is None:
                bundle.rule = rule
        return bundle.rule

    def finished(self, bundle: Bundle) -> None:
        """Nothing more comes of it: write it down soon."""
        if bundle.entered or not self.recorder.on:
            return
        bundle.entered = True
        if not self._finished:
            self.loop.call_later(_WRITTEN_WITHIN, self._flush)
        self._finished.append(bundle)

    def passed_by(self, tunnel: Tunnel, data: bytes) -> None:
        """From here on the bytes of a connection are no commands, or no replies: say so in the ledger."""
        number = next(self._unit_numbers)
        self.recorder.enter(
            at=time.monotonic(), done=None, via=tunnel.via, connection=tunnel.number, unit=number,
            command=unparsed(data), reply=None, applied=None, rule="",
        )  # fmt: skip

    def strikes(self, rule: Armed) -> None:
        """The mode does now what it does."""
        rule.struck_at = time.monotonic()
        assert rule.unit is not None
        proof = proving(rule.mode.kind, rule.unit.via, rule.unit.number)
        self.recorder.write("fault", rule.mode.name, {**_about(rule, "inject"), **proof}, at=rule.struck_at)

    def struck(self, rule: Armed, over: bool = True) -> None:
        """It is done, and perhaps ``over``."""
        if over:
            self.over(rule)
        self._flush()
        rule.done()

    def over(self, rule: Armed) -> None:
        """What it held is free, or it held nothing."""
        self.recorder.write("fault", rule.mode.name, _about(rule, "healed"))

    def kill(self, rule: Armed) -> None:
        """Kill the GCS of the unit. From here on no byte goes from it to the store, or back."""
        assert rule.unit is not None
        via = rule.unit.via
        try:
            if self._kill is not None:
                self._kill(via)
        finally:
            self._doors.turn_away(via)
            for tunnel in self.tunnels(via):
                assert isinstance(tunnel, RedisTunnel)
                tunnel.doom()

    def forget(self, rule: Armed) -> None:
        with suppress(ValueError):
            self._rules.remove(rule)

    def _mark(self) -> int:
        self._flush()
        return self._last_number

    def _flush(self) -> None:
        finished, self._finished = self._finished, []
        for bundle in finished:
            for entry in facts(bundle):
                self.recorder.enter(**entry)


def _about(rule: Armed, phase: str) -> dict[str, object]:
    unit = rule.unit
    assert unit is not None
    return {
        "phase": phase,
        "what": repr(rule.mode),
        "label": unit.label,
        "unit": unit.number,
        "via": unit.via,
        "connection": unit.connection,
    }
