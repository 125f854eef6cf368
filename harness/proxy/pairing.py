"""One connection of a GCS to its store: commands and replies, paired in their order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from harness.proxy.ledger import Bundle, Command
from harness.proxy.replies import Replies
from harness.proxy.resp import Commands, Frame, Push
from harness.proxy.rule import Armed
from harness.proxy.tunnel import Tunnel
from harness.proxy.unit import meaning

if TYPE_CHECKING:
    from harness.proxy.redis import RedisProxy

_ENDS = frozenset({"EXEC", "DISCARD", "RESET"})
_UNPAIRED = frozenset({"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "SYNC", "PSYNC"})
"""After these a server talks without being asked."""


class Pairing(Tunnel, ABC):
    """Passes whole commands and whole replies. What meets a rule is judged by its subclass."""

    proxy: RedisProxy

    def __init__(self, proxy: RedisProxy, number: int, via: str, client: tuple[str, int]) -> None:
        super().__init__(proxy, number, via, client)
        self._commands, self._replies = Commands(), Replies()
        self._unanswered: deque[Command] = deque()
        """What was passed on (or is answered by the proxy), in order."""
        self._transaction: Bundle | None = None
        """Since a MULTI."""
        self._backlog: deque[tuple[bytes, list[Frame], float]] = deque()
        """Read and not yet looked at, because something before it is held."""
        self._held: tuple[Command, bytes] | None = None
        self._blocked = False
        self._raw = False
        """Whether bytes pass unparsed."""
        self._deaf = False
        """Whether nothing of the GCS is passed on any more."""
        self._reset, self._finished = False, False

    # What arrives

    def took(self, client: bool, data: bytes) -> None:
        if self._raw:
            if not (client and self._deaf):
                super().took(client, data)
        elif not client:
            self._took_replies(data)
        elif not self._deaf:
            buffer, frames = self._commands.feed(data)
            if frames:
                self._backlog.append((buffer, frames, monotonic()))
                self._work()
            if self._commands.garbage and not self._blocked:
                self._pass_by(client=True)

    def ended(self, client: bool, reset: bool) -> None:
        if self._raw:
            super().ended(client, reset)
        elif client:
            self._reset = reset
            if self.client.lost:
                self.down.drop()
            self._stop_listening()
            self._finish()
        else:
            self._stop_listening()
            self._give_up()
            super().ended(client, reset)

    def reset(self) -> None:
        self._stop_listening()
        self._give_up()
        super().reset()

    def close(self) -> None:
        self._stop_listening()
        self._give_up()
        super().close()

    def doom(self) -> None:
        """The GCS was killed: nothing of it goes on, and what the store still answers is only written down."""
        self._stop_listening()
        self.down.drop()
        if self.client.transport is None:
            self._over = True  # it is reset as soon as it is there
        self.client.abort(reset=False)
        self._finish()

    # Commands

    def _work(self) -> None:
        while self._backlog and not self._blocked and not self._deaf:
            self._run(*self._backlog.popleft())

    def _run(self, buffer: bytes, frames: list[Frame], at: float) -> None:
        """Pass on what no rule strikes, in one piece as far as it goes."""
        begin, unpaired = frames[0][1], False
        for place, (arguments, start, end) in enumerate(frames):
            command = Command(at, arguments, meaning(arguments))
            rule = self._joins(command)
            if rule is None:
                command.sent = True
                self._unanswered.append(command)
                unpaired = unpaired or command.meaning.name in _UNPAIRED
                continue
            self._send(buffer, begin, start)
            if place + 1 < len(frames):
                self._backlog.appendleft((buffer, frames[place + 1 :], at))
            self._judge_command(rule, command, buffer[start:end])
            return
        self._send(buffer, begin, frames[-1][2])
        if unpaired:
            self._give_up()
            self._pass_by(client=True)

    def _joins(self, command: Command, judge: bool = True) -> Armed | None:
        """Find the unit of ``command``; the rule that strikes it, when this completes it."""
        name, bundle = command.meaning.name, self._transaction
        if bundle is None:
            bundle = Bundle(command, self.number, transaction=name == "MULTI")
            if bundle.transaction:
                self._transaction = bundle
                return None
        else:
            bundle.commands.append(command)
            command.bundle = bundle
            if name not in _ENDS:
                return None
            self._transaction = None
        return self.proxy.met(bundle, self.via, judge)

    def _send(self, buffer: bytes, begin: int, end: int) -> None:
        if end > begin:
            self.up.send(buffer if end - begin == len(buffer) else buffer[begin:end])

    def _pass(self, command: Command, raw: bytes) -> None:
        command.sent = True
        self._unanswered.append(command)
        self.up.send(raw)

    # Replies

    def _took_replies(self, data: bytes) -> None:
        buffer, frames = self._replies.feed(data)
        now = monotonic()
        begin = 0
        for value, start, end in frames:
            if not self._unanswered or type(value) is Push:
                continue
            command = self._unanswered.popleft()
            command.done, command.reply = now, value
            bundle = command.bundle
            rule = None
            if command is bundle.commands[-1] and (bundle is not self._transaction):
                self.proxy.finished(bundle)
                rule = bundle.rule
            following = self._unanswered[0] if self._unanswered else None
            if rule is None and command.answer is None and (following is None or following.answer is None):
                continue
            self._send_down(buffer, begin, start)
            begin = end
            raw = command.answer or buffer[start:end]
            if rule is None:
                self.down.send(raw)
            else:
                self._judge_reply(rule, raw)
            self._answer_ourselves()
        if frames:
            self._send_down(buffer, begin, frames[-1][2])
        if self._replies.garbage:
            self._give_up()
            self._pass_by(client=False)
        self._finish()

    def _send_down(self, buffer: bytes, begin: int, end: int) -> None:
        if end > begin:
            self.down.send(buffer if end - begin == len(buffer) else buffer[begin:end])

    def _answer_ourselves(self) -> None:
        """Give the answers that are the proxy's own and whose turn it is."""
        while self._unanswered and self._unanswered[0].answer is not None and not self._unanswered[0].sent:
            command = self._unanswered.popleft()
            self.proxy.finished(command.bundle)
            assert command.answer is not None
            self.down.send(command.answer)

    # What becomes of a unit that meets a rule

    @abstractmethod
    def _judge_command(self, rule: Armed, command: Command, raw: bytes) -> None:
        """The last command of a unit was read, and nothing of it was passed on but what MULTI gathered."""

    @abstractmethod
    def _judge_reply(self, rule: Armed, raw: bytes) -> None:
        """The reply to it was read, and not passed on."""

    # Ends

    def _stop_listening(self) -> None:
        """Nothing that was held or comes is passed on: write down that it was not."""
        if self._deaf:
            return
        self._deaf = True
        held, self._held = self._held, None
        if held is not None:
            self.proxy.finished(held[0].bundle)
        for _, frames, at in self._backlog:
            for arguments, _, _ in frames:
                command = Command(at, arguments, meaning(arguments))
                self._joins(command, judge=False)
                if command.bundle is not self._transaction:
                    self.proxy.finished(command.bundle)
        self._backlog.clear()
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            self.proxy.met(transaction, self.via, judge=False)
            self.proxy.finished(transaction)

    def _finish(self) -> None:
        """Close the store's side when the GCS is gone and nothing more will be answered."""
        if self._deaf and not self._unanswered and not self._finished:
            self._finished = True
            self.up.end(self._reset)

    def _give_up(self) -> None:
        """What is unanswered stays so."""
        for command in self._unanswered:
            if command.bundle.unit is not None:
                self.proxy.finished(command.bundle)
        self._unanswered.clear()

    def _pass_by(self, client: bool) -> None:
        """From here on, bytes pass unparsed in both directions, because of what one side sent."""
        self._raw = True
        up, down = self._commands.rest(), self._replies.rest()
        self.proxy.passed_by(self, up if client else down)
        super().took(True, up)
        super().took(False, down)
