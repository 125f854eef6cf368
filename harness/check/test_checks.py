"""Each check accepts a good record and rejects its near twin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.check import held
from harness.check.blocking import Answered, once, waited_out
from harness.check.deadline import Standing, exited_on_time, two_state
from harness.check.ruling import Finding, Ruling, Violation, rule, signature
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


def test_a_raylet_has_two_states_to_the_last_digit() -> None:
    waiting = replace(STANDING, node="0123456789", state="waiting", since=93.5)
    assert two_state([waiting], limit=4.6) == []
    assert two_state([waiting], limit=4.4) == ["raylet 01234567: waits since 6.5 s, with a limit of 4.4 s"]
    assert two_state([waiting], limit=2.0, grace=5.0) == []
    assert two_state([replace(waiting, alive=False)], limit=1) == [
        "raylet 01234567: is gone, but its node is ALIVE"
    ]
    assert two_state([replace(waiting, state="connected", listed=False)], limit=1) == [
        "raylet 01234567: runs and thinks itself connected, but its node is DEAD"
    ]
    assert two_state([replace(STANDING, state="waiting")], limit=-2.5) == [
        "raylet n1: waits since 0.0 s, with a limit of -2.5 s"
    ]


def test_what_was_answered_too_early_is_told_with_by_how_much() -> None:
    assert waited_out([Answered("put", 1, 3)], serving_again=4) == [
        "put: answered 1.000 s before the GCS served again"
    ]
    assert waited_out([Answered("put", 1, None), Answered("get", 1, 5, "code 4")], serving_again=4) == [
        "put: never answered",
        "get: ended with code 4",
    ]
    assert once({"a": ["x", "y", "x"], "b": []}) == ["a: took effect 3 times (x, y)", "b: had no effect"]


def test_every_harm_is_told_in_full() -> None:
    node, worker, other = "0123456789", "w1", "w2"
    living = {worker: node, other: node}
    orders = [
        Order(0.5, node, "ShutdownRaylet"),
        Order(1, node, "ShutdownRaylet"),
        Order(2, node, "KillLocalActor", frozenset({worker, other})),
        Order(3, node, "ReleaseUnusedActorWorkers", frozenset({worker})),
        Order(4, node, "ReleaseUnusedBundles"),
    ]
    assert unharmed(orders, living, {"g:0": node}, since=1) == [
        "ShutdownRaylet to 01234567, which holds living work",
        "KillLocalActor to 01234567 ended w1",
        "KillLocalActor to 01234567 ended w2",
        "ReleaseUnusedActorWorkers to 01234567 does not list w2, which lives",
        "ReleaseUnusedBundles to 01234567 does not list g:0, which lives",
    ]
    assert unharmed(orders[:1], living, {}) == ["ShutdownRaylet to 01234567, which holds living work"]
    assert same_objects({"0123456789": "abcdefghij"}, {}) == [
        "object 01234567: stored with checksum abcdefgh, read with nothing"
    ]


def test_rulings_count_and_say_why() -> None:
    one = Violation("a", "b", ("e1",))
    assert rule("x", [one, one, one], 2) == Ruling("x", Finding.BROKEN, "a", (one, one, one), 3)
    assert rule("x", [one], 5).judged == 5
    assert rule("x", [], 0, "no idea") == Ruling("x", Finding.UNKNOWN, "no idea", (), 1)
    assert rule("x", [], 7, "no idea").judged == 7
    assert rule("x", [], 2) == Ruling("x", Finding.HELD, "", (), 2)
    assert rule("x", [], 0) == Ruling("x", Finding.UNKNOWN, "nothing to judge", (), 0)
    assert rule("x", [], 0).idle
    assert not rule("x", [], 0, "no idea").idle
    assert signature("actor 0123abcd0123 of 12 after 1.5 s") == "actor <id> of <n> after <n> s"
