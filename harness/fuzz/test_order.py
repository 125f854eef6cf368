"""A client of a plan asks for nothing before what it needs is answered, and for all of it then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.fuzz import operations as op
from harness.fuzz.order import Order


class Clients:
    """What was asked for, in that order; :meth:`answer` is the first answer to it."""

    def __init__(self) -> None:
        self.order = Order()
        self.asked: list[op.Operation] = []
        self._answers: dict[op.Operation, Callable[[], None]] = {}

    def ask(self, *operations: op.Operation) -> None:
        for do in operations:
            self.order.ask(do, lambda answered, do=do: self._send(do, answered))  # type: ignore[misc]

    def _send(self, do: op.Operation, answered: Callable[[], None]) -> None:
        self.asked.append(do)
        self._answers[do] = answered

    def answer(self, do: op.Operation) -> None:
        self._answers[do]()


JOB, ACTOR, GROUP = op.AddJob(1), op.StartActor(1), op.StartGroup(1)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (JOB, ACTOR), (JOB, GROUP), (JOB, op.AddWorker(1)), (JOB, op.FinishJob(1)), (ACTOR, op.KillActor(1)),
        (ACTOR, op.ForgetActor(1)), (ACTOR, op.StartActor(1, only="create")), (GROUP, op.RemoveGroup(1)),
        (GROUP, op.WaitGroup(1)), (GROUP, op.StartActor(4, group=1)), (ACTOR, op.FinishJob(1)),
        (GROUP, op.FinishJob(1)),
    ],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
def test_what_needs_another_waits_for_its_answer(first: op.Operation, then: op.Operation) -> None:
    clients = Clients()
    clients.ask(first, then)
    assert clients.asked == [first]
    clients.answer(first)
    clients.answer(first)  # sent twice at once
    assert clients.asked == [first, then]


@pytest.mark.parametrize(
    "other", [op.GetActor(1), op.StartActor(2), op.RemoveGroup(2), op.FinishJob(2), op.Put()]
)
def test_what_needs_nothing_that_is_under_way_is_asked_for_at_once(other: op.Operation) -> None:
    clients = Clients()
    clients.ask(JOB, ACTOR, GROUP, other)
    assert clients.asked == [JOB, other]


def test_what_waits_for_several_waits_for_the_last() -> None:
    clients = Clients()
    chain: tuple[op.Operation, ...] = (JOB, ACTOR, op.ForgetActor(1), op.ReviveActor(1))
    clients.ask(*chain)
    for number, one in enumerate(chain, 1):
        assert clients.asked == list(chain[:number])
        clients.answer(one)
