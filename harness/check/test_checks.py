"""Each check accepts a good record and rejects its near twin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.check import held
from harness.check.blocking import Answered, once, waited_out
from harness.check.deadline import Standing, exited_on_time, two_state
from harness.check.survival import Order, Pulse, lived_on, same_objects, unharmed
from harness.check.view import Actor, View, differences

ALIVE = Actor("ALIVE", "ns/a", "w1", "n1", 7, 0, 1, False)
VIEW = View("c1", actors={"a1": ALIVE}, names={"ns/a": "a1"}, kv={"k": "v"})


def test_equal_views_do_not_differ() -> None:
    assert differences(VIEW, replace(VIEW)) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (replace(VIEW, cluster_id="c2"), "cluster id"),
        (replace(VIEW, actors={}), "lost"),
        (replace(VIEW, actors={"a1": replace(ALIVE, restarts=1)}), "was"),
        (replace(VIEW, kv={"k": "v", "l": ""}), "appeared"),
    ],
)
def test_a_changed_view_is_told(after: View, said: str) -> None:
    found = differences(VIEW, after)
    assert len(found) == 1
    assert said in found[0]


PULSE = Pulse("task", 7, 10)


def test_a_task_that_went_on_lived_on() -> None:
    assert lived_on([PULSE], [replace(PULSE, value=11)]) == []


@pytest.mark.parametrize(
    "after",
    [
        [],
        [PULSE],
        [replace(PULSE, value=9)],
        [replace(PULSE, pid=8, value=11)],
        [replace(PULSE, incarnation=2, value=11)],
    ],
)
def test_a_task_that_stopped_or_began_anew_did_not(after: list[Pulse]) -> None:
    assert len(lived_on([PULSE], after)) == 1


WORKERS, BUNDLES = {"w1": "n1", "w2": "n2"}, {"g:0": "n1"}


@pytest.mark.parametrize(
    "order",
    [
        Order(1, "n1", "NotifyGCSRestart"),
        Order(1, "n1", "ReleaseUnusedActorWorkers", frozenset({"w1"})),
        Order(1, "n1", "ReleaseUnusedBundles", frozenset({"g:0"})),
        Order(1, "n2", "ReleaseUnusedBundles"),
        Order(1, "n1", "KillLocalActor", frozenset({"w9"})),
    ],
)
def test_an_order_that_spares_the_living_is_harmless(order: Order) -> None:
    assert unharmed([order], WORKERS, BUNDLES) == []


@pytest.mark.parametrize(
    "order",
    [
        Order(1, "n1", "ReleaseUnusedActorWorkers"),
        Order(1, "n1", "ReleaseUnusedActorWorkers", frozenset({"w2"})),
        Order(1, "n1", "ReleaseUnusedBundles"),
        Order(1, "n1", "KillLocalActor", frozenset({"w1"})),
        Order(1, "n1", "RemovePlacementGroupBundles", frozenset({"g:0"})),
        Order(1, "n2", "ShutdownRaylet"),
    ],
)
def test_an_order_that_ends_the_living_is_told(order: Order) -> None:
    assert len(unharmed([order], WORKERS, BUNDLES)) == 1
    assert unharmed([order], WORKERS, BUNDLES, since=2) == []


def test_objects_come_back_whole_or_are_told() -> None:
    assert same_objects({"o": "abc"}, {"o": "abc"}) == []
    assert len(same_objects({"o": "abc", "p": "x"}, {"o": "abd"})) == 2


STANDING = Standing("n1", at=100, state="connected", alive=True, listed=True)


def test_connected_waiting_and_gone_are_states() -> None:
    waiting = replace(STANDING, state="waiting", since=97)
    gone = replace(STANDING, state="gone", alive=False, listed=False)
    assert two_state([STANDING, waiting, gone], limit=5) == []


@pytest.mark.parametrize(
    "zombie",
    [
        replace(STANDING, state="waiting", since=90),
        replace(STANDING, listed=False),
        replace(STANDING, state="gone", alive=False),
    ],
)
def test_a_third_state_is_told(zombie: Standing) -> None:
    assert len(two_state([zombie], limit=5)) == 1


def test_neither_early_nor_late() -> None:
    assert exited_on_time(10, 13.2, limit=3) == []
    assert exited_on_time(10, 12.5, limit=3)
    assert exited_on_time(10, 20, limit=3)


def test_an_answer_after_the_outage_is_right() -> None:
    assert waited_out([Answered("put", 1, 5)], serving_again=4) == []


@pytest.mark.parametrize(
    "call", [Answered("put", 1, None), Answered("put", 1, 3), Answered("put", 1, 5, "code 4")]
)
def test_no_early_or_false_answer(call: Answered) -> None:
    assert len(waited_out([call], serving_again=4)) == 1


def test_once_is_once() -> None:
    assert once({"put": ["HSET"]}) == []
    assert len(once({"put": [], "create": ["lease", "lease"]})) == 2


def test_held_raises_with_every_sentence() -> None:
    held([], [])
    with pytest.raises(AssertionError, match=r"(?s)one.*two"):
        held(["one"], [], ["two"])
