"""What came of the commands of a unit, as the facts of ledger entries. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from harness.history.entry import word
from harness.proxy.resp import Error, Items
from harness.proxy.unit import Meaning, Unit, words
from harness.wire.plain import shown

if TYPE_CHECKING:
    from harness.proxy.rule import Armed

_LONGEST_VALUE = 64
_HALFWAY = frozenset({"EVAL", "EVALSHA", "FCALL"})
"""What fails with these may have had half of its effect."""
UNPARSED = "(UNPARSED)"
NO_RULE = ""


class Command:
    """A command on its way. ``reply`` means something when ``done``, the time of it, is there."""

    __slots__ = ("answer", "arguments", "at", "bundle", "done", "meaning", "reply", "sent")

    def __init__(self, at: float, arguments: list[bytes], meaning: Meaning) -> None:
        self.at, self.arguments, self.meaning = at, arguments, meaning
        self.bundle: Bundle
        self.sent = False
        self.done: float | None = None
        self.reply: Any = None
        self.answer: bytes | None = None
        """What the GCS is told instead of a reply of the store."""


class Bundle:
    """The commands of a unit, and the rule that it met. ``ended``: nothing more can belong to it."""

    __slots__ = ("commands", "connection", "entered", "rule", "transaction", "unit")

    def __init__(self, first: Command, connection: int, transaction: bool) -> None:
        self.commands = [first]
        self.connection = connection
        self.transaction = transaction
        self.unit: Unit | None = None
        self.rule: Armed | None = None
        self.entered = False
        first.bundle = self


def facts(bundle: Bundle) -> Iterator[dict[str, Any]]:
    """What a ledger says of each command of ``bundle``, whose unit is known."""
    unit, rule = bundle.unit, bundle.rule
    assert unit is not None
    struck = rule.mode.name if rule is not None and rule.struck_at is not None else NO_RULE
    outcomes = _of_transaction(bundle.commands) if bundle.transaction else map(_of_one, bundle.commands)
    for command, (done, reply, applied) in zip(bundle.commands, outcomes, strict=True):
        yield {
            "at": command.at,
            "done": done,
            "via": unit.via,
            "connection": bundle.connection,
            "unit": unit.number,
            "command": words(command.arguments),
            "reply": said(reply),
            "applied": applied,
            "rule": struck,
        }


Outcome = tuple[float | None, Any, bool | None]
"""When the store's reply was there, the reply, and whether it was applied."""


def _of_one(command: Command) -> Outcome:
    if command.answer is not None:
        return None, Error(command.answer[1:-2].decode(errors="replace")), False
    if not command.sent:
        return None, None, False
    if command.done is None:
        return None, None, None
    if isinstance(command.reply, Error):
        return command.done, command.reply, None if command.meaning.name in _HALFWAY else False
    return command.done, command.reply, True


def _of_transaction(commands: Sequence[Command]) -> Iterator[Outcome]:
    last = commands[-1]
    if last.meaning.name != "EXEC" or not last.sent or last.answer is not None:
        for command in commands:
            yield command.done, _of_one(command)[1], False
        return
    done, reply, applied = _of_one(last)
    applied = applied if isinstance(reply, Items) or applied is None else False
    items = iter(reply if applied else ())
    for command in commands:
        if command is commands[0] or command is last:
            yield done, command.reply, applied
        elif isinstance(command.reply, Error):  # it was not even queued
            yield done, command.reply, False
        elif applied:
            item = next(items, None)
            yield done, item, not isinstance(item, Error)
        else:
            yield done, None, applied


def said(reply: Any) -> Any:
    """A reply as a ledger holds it: numbers and short strings as they are, of an array its length."""
    if isinstance(reply, Error):
        return {"error": str(reply)}
    if isinstance(reply, Items):
        return {"items": len(reply)}
    if isinstance(reply, bytes):
        return word(reply) if len(reply) <= _LONGEST_VALUE else shown(reply)
    return str(reply) if isinstance(reply, str) else reply


def unparsed(data: bytes) -> tuple[str, ...]:
    """What a ledger says where bytes begin that are no command: the first word, since more may be secret."""
    return UNPARSED, word(data[:32].split()[0] if data.split() else b""), str(len(data))
