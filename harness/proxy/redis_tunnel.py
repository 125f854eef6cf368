"""One connection of a GCS to its store, and what its proxy's rules make of it."""

from __future__ import annotations

from collections.abc import Callable

from harness.proxy.ledger import Command
from harness.proxy.modes.base import PASS, Act, Decision
from harness.proxy.pairing import Pairing
from harness.proxy.rule import Armed

_DISCARD = b"*1\r\n$7\r\nDISCARD\r\n"


class RedisTunnel(Pairing):
    """Carries out what the mode of a rule decides about the unit that met it."""

    def _judge_command(self, rule: Armed, command: Command, raw: bytes) -> None:
        assert rule.unit is not None
        decision = rule.mode.on_command(rule.unit)
        if decision.act is Act.PASS:
            self._blocked = rule.mode.alone
            self._pass(command, raw)
            return
        self.proxy.strikes(rule)
        if decision.act is Act.REFUSE:
            self._refuse(command, decision)
        else:
            self._held, self._blocked = (command, raw), True
            if decision.act is Act.HOLD:
                self._hold(rule, decision, self._unhold)
            elif decision.act is Act.KILL:
                self.proxy.kill(rule)
            else:
                self._cut()
        self.proxy.struck(rule, over=decision.act is not Act.HOLD)

    def _judge_reply(self, rule: Armed, raw: bytes) -> None:
        assert rule.unit is not None
        may = rule.live and rule.struck_at is None
        decision = rule.mode.on_reply(rule.unit) if may else PASS
        if decision.act is Act.PASS:
            self.down.send(raw)
            if rule.mode.alone:
                self._blocked = False
                self._work()
            return
        self.proxy.strikes(rule)
        if decision.act is Act.HOLD:
            self.down.hold()
            self.down.send(raw)
            self._hold(rule, decision, self.down.free)
        elif decision.act is Act.SWALLOW:
            self.down.drop()
        elif decision.act is Act.KILL:
            self.proxy.kill(rule)
        else:
            self._cut()
        self.proxy.struck(rule, over=decision.act is not Act.HOLD)

    def _hold(self, rule: Armed, decision: Decision, release: Callable[[], None]) -> None:
        waiting = [release]

        def once() -> None:
            if waiting:
                self.proxy.over(rule)
                waiting.pop()()

        rule.holds(once)
        if decision.seconds is not None:
            self.proxy.loop.call_later(decision.seconds, once)

    def _unhold(self) -> None:
        held, self._held = self._held, None
        self._blocked = False
        if held is not None:
            self._pass(*held)
            self._work()
        if self._commands.garbage and not self._deaf and not self._blocked:
            self._pass_by(client=True)

    def _refuse(self, command: Command, decision: Decision) -> None:
        command.answer = decision.error.encode() + b"\r\n"
        self._unanswered.append(command)
        if command.bundle.transaction:  # what MULTI has gathered must be forgotten
            command.sent = True
            self.up.send(_DISCARD)
        else:
            self._answer_ourselves()

    def _cut(self) -> None:
        self._reset = True
        self._stop_listening()
        self.down.drop()
        self.client.abort(reset=True)
        self._finish()
