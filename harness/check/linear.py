"""Key-values, job ids and actors' names answer as if one operation came after the other. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from harness.check.kv_history import key_histories, losses
from harness.check.models import COUNTER, LOST, key_value, name, settled_puts
from harness.check.name_history import name_histories, releases
from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Call, Story
from harness.check.wgl import Answer, Model, Operation, Result, search

NAME = "linearizable"
BUDGET = 200_000
"""Steps that all searches of a story may take together."""


@dataclass(frozen=True)
class History:
    """Operations on ``what``, which is a ``kind``. ``excuses`` gives more that may have happened, for when
    nothing explains the answers without."""

    kind: str
    what: str
    operations: Sequence[Operation]
    model: Model
    excuses: Callable[[], Sequence[Operation]] = tuple


def linearizable(story: Story) -> Ruling:
    """Judged: each key, each name and the counter of jobs of which something was answered.

    Over its budget of steps it does not know.
    """
    judged, found, open_, left = 0, [], [], BUDGET
    for history in _histories(story):
        if not any(one.output is not None for one in history.operations):
            continue
        judged += 1
        result = search(history.operations, history.model, left)
        left = max(0, left - result.steps)
        if result.answer is Answer.ILLEGAL and (more := history.excuses()):
            result = search([*history.operations, *more], history.model, left)
            left = max(0, left - result.steps)
        if result.answer is Answer.ILLEGAL:
            found.append(_violation(story, history, result))
        elif result.answer is Answer.UNKNOWN:
            open_.append(history.what)
    unknown = f"the search for an order was given up: {', '.join(open_[:3])}" if open_ else ""
    return rule(NAME, found, judged, unknown)


def _histories(story: Story) -> Iterator[History]:
    emptied = list(losses(story))
    lost = [Operation(begin, end, LOST) for begin, end in emptied]
    for key in key_histories(story, emptied):
        operations = settled_puts(key.operations, key.initial)
        yield History("a key-value", f"key {key.field!r}", operations, key_value(key.initial))
    yield History("a job id", "the job ids", [*_job_ids(story), *lost], COUNTER)
    for one in name_histories(story):
        operations = [*one.operations, *lost]
        yield History(
            "an actor's name",
            f"name {one.name!r}",
            operations,
            name(one.initial),
            partial(releases, story, one),
        )


def _job_ids(story: Story) -> list[Operation]:
    until = story.store_lost if story.store_lost is not None else inf
    return [
        Operation(call.start, call.end, ("next",), int(call.reply.get("job_id", 0)), call.ids)
        for call in story.calls
        if call.method == "GetNextJobID"
        and call.outcome == "ok"
        and call.end is not None
        and call.end <= until
    ]


def _violation(story: Story, history: History, result: Result) -> Violation:
    # What could not be placed of an illegal history is a call: a loss or a death is possible in every state.
    stuck = result.stuck
    assert stuck is not None
    calls = {call.id: call for call in story.calls}
    before = [_told(one, calls) for one in result.order[-3:]]
    last = f" after {', '.join(before)}" if before else ""
    state = "" if result.state is None else f" with state {result.state!r}"
    ids = tuple(id for one in (*result.order[-3:], stuck) for id in one.ids)
    return Violation(
        f"no order of the calls explains what {calls[stuck.ids[0]].method} answered of {history.kind}",
        f"{history.what}: {_told(stuck, calls)} fits nowhere{last}{state}",
        ids,
    )


def _told(one: Operation, calls: dict[str, Call]) -> str:
    if not one.ids:
        return "the loss of everything" if one.input == LOST else "a death"
    answer = "" if one.output is None else f" → {one.output!r}"
    return f"{' '.join(map(repr, one.input))}{answer} by {calls[one.ids[0]].client}"
