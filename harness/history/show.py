"""A case's record as a person reads it: one line per event or ledger entry, in fixed columns. Pure.

``   seconds  id  kind  who  what  facts``; seconds since the case's first event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from harness.history.entry import Entry
from harness.history.event import Event

ID, KIND, WHO, WHAT = 9, 7, 10, 28
"""Widths of columns; what does not fit is cut, but ids, which a reader copies."""
LEAVES, LONGEST_LEAF = 8, 40
LEDGER = "ledger"
"""The kind under which ledger entries are shown."""

Facts = Mapping[str, Any]
_HEX = re.compile(r"(?:0x)?([0-9a-f]{8})[0-9a-f]{8,}")
# What tells a message apart, in the order of its weight; where it has none of these all is shown.
_TELLING = (
    "actor_id", "placement_group_id", "job_id", "node_id", "state", "worker_id", "worker_ids_in_use", "name",
    "key", "value", "namespace", "overwrite", "added", "deleted_num", "no_restart", "num_restarts", "bundle_index",
    "channel_type", "subscriber_id", "publisher_id", "max_processed_sequence_id",
)  # fmt: skip
_NIL = "f" * 16


def render(
    events: Iterable[Event], entries: Iterable[Entry], width: int | None, only: str | None = None
) -> Iterator[str]:
    """A line per event and entry of the case ``only`` (None: all given), in the order of time.

    ``width``: where a line is cut, with an ellipsis; None: nowhere.
    """
    everything: list[Event | Entry] = [*events, *entries]
    chosen = [one for one in everything if only is None or one.case == only]
    chosen.sort(key=lambda one: one.at)
    writer = Writer(chosen[0].at if chosen else 0.0, width)
    for one in chosen:
        yield writer.line(one)


class Writer:
    """Writes lines of one case, which began at ``start`` (monotonic seconds). Tell it of every event,
    in the order of time, also of those that are not shown: an end names its beginning."""

    def __init__(self, start: float, width: int | None) -> None:
        self._start, self._width = start, width
        self._calls: dict[str, float] = {}

    def line(self, one: Event | Entry) -> str:
        """The line of ``one``, whole at any width."""
        if isinstance(one, Event):
            kind, who, what, facts = one.kind, one.who, one.what, self._facts(one)
        else:
            kind, who, what, facts = LEDGER, one.via, one.name, _entry(one)
        columns = (
            f"{one.at - self._start:9.3f}",
            f"{one.id:<{ID}}",
            _cell(kind, KIND),
            _cell(short(who), WHO),
            _cell(what, WHAT),
            facts,
        )
        line = printable(" ".join(columns)).rstrip()
        if self._width is None or len(line) <= self._width:
            return line
        return line[: max(0, self._width - 1)] + "…"

    def _facts(self, one: Event) -> str:
        if one.kind == "call":
            self._calls[one.id] = one.at
        elif one.kind == "return":
            began = self._calls.pop(str(one.facts.get("call", "")), None)
            return _return(one.facts, None if began is None else one.at - began)
        return _SHOWN.get(one.kind, words)(one.facts)


def short(text: str) -> str:
    """Long hex ids by their first 8 digits."""
    return _HEX.sub(r"\1", text)


def printable(text: str) -> str:
    """Nothing in it moves a terminal's cursor: strings of a target are a stranger's."""
    return (
        text
        if text.isprintable()
        else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    )


def words(facts: Facts) -> str:
    """``name=value`` of every fact that says something."""
    return " ".join(
        f"{name}={_leaf(value)}" for name, value in facts.items() if value not in ("", None, [], {})
    )


def gist(message: Any) -> str:
    """The fields of a message that tell it apart, by their last names, at most :data:`LEAVES`."""
    leaves = list(_leaves(message, ""))
    telling = [leaf for leaf in leaves if leaf[0] in _TELLING]
    telling.sort(key=lambda leaf: _TELLING.index(leaf[0]))
    seen = dict.fromkeys(f"{name}={value}" for name, value in telling or leaves)  # an id may come many times
    shown = list(seen)[:LEAVES]
    return " ".join([*shown, "…"] if len(seen) > LEAVES else shown)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for item in value:
            yield from _leaves(item, name)
    elif not str(value).startswith(_NIL):
        yield name, _leaf(value)


def _leaf(value: Any) -> str:
    if isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key}: {_leaf(item)}" for key, item in value.items()) + "}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(_leaf(item) for item in value) + "]"
    elif isinstance(value, float):
        text = f"{value:.3f}".rstrip("0").rstrip(".")
    else:
        text = short(str(value))
    return text if len(text) <= LONGEST_LEAF else text[: LONGEST_LEAF - 1] + "…"


def _cell(text: str, width: int) -> str:
    return f"{text if len(text) <= width else text[: width - 1] + '…':<{width}}"


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


# --- the facts of each kind ------------------------------------------------------------------------


def _call(facts: Facts) -> str:
    again = f"again after {facts['again']}" if facts.get("again") else ""
    deadline = f"within {facts['deadline']:g} s" if facts.get("deadline") else ""
    return _joined(gist(facts.get("request", {})), deadline, again)


def _return(facts: Facts, latency: float | None) -> str:
    code = f"code {facts['code']}" if facts.get("code") else ""
    status = str(facts.get("grpc", ""))
    took = "" if latency is None else f"{latency * 1000:.1f} ms"
    said = f"({_leaf(facts['said'])})" if facts.get("said") else ""
    outcome = f"{facts.get('outcome', '?'):<7}"
    return _joined(
        outcome, took, f"of {facts.get('call')}", "" if status == "OK" else status, code, said,
        gist(facts.get("reply") or {}),
    )  # fmt: skip


def _message(facts: Facts) -> str:
    again = "again" if facts.get("again") else ""
    number = f"#{facts.get('sequence')} of {short(str(facts.get('publisher', '')))}"
    return _joined(number, again, f"key={short(str(facts.get('key', '')))}", gist(facts.get("payload", {})))


def _order(facts: Facts) -> str:
    script = f"script={facts['script']}" if facts.get("script") else ""
    worker = f"to worker {short(facts['worker'])}" if facts.get("worker") else ""
    outcome = facts.get("outcome", "")
    return _joined("" if outcome == "received" else outcome, worker, script, gist(facts.get("fields", {})))


def _look(facts: Facts) -> str:
    view = facts.get("view") or facts.get("stored") or {}
    counts = [f"{len(rows)} {table}" for table, rows in view.items() if isinstance(rows, Mapping) and rows]
    complaints = facts.get("complaints") or ()
    wrong = f"{len(complaints)} complaints: {complaints[0]}" if complaints else ""
    rest = "quiet" if facts.get("quiet") else f"not quiet: {facts.get('why', '')}"
    return _joined(rest, ", ".join(counts), wrong)


def _watch(facts: Facts) -> str:
    kinds = ("workers", "bundles", "pulses", "objects")
    return ", ".join(f"{len(facts[kind])} {kind}" for kind in kinds if kind in facts)


_SHOWN: Mapping[str, Callable[[Facts], str]] = {
    "call": _call,
    "message": _message,
    "order": _order,
    "look": _look,
    "watch": _watch,
}


def _entry(one: Entry) -> str:
    took = "no reply" if one.done is None else f"{(one.done - one.at) * 1000:.1f} ms"
    applied = {True: "", False: "NOT APPLIED", None: "nobody knows if applied"}[
        one.applied if one.writes else True
    ]
    arguments = " ".join(_leaf(word) for word in one.command[1:4])
    more = "…" if len(one.command) > 4 else ""
    rule = f"struck by {one.rule}" if one.rule else ""
    reply = "" if one.reply is None else f"-> {_leaf(one.reply)}"
    return _joined(f"unit {one.unit}", took, applied, rule, arguments, more, reply)
