"""Scenes are short, speak of things of their own, and are in most plans that have kills."""

from __future__ import annotations

import pytest

from harness.fuzz.faults import FAULTS
from harness.fuzz.grammar import Chance, Size, plan
from harness.fuzz.operations import StartActor
from harness.fuzz.plan import Plan, plan_of
from harness.fuzz.scenes import FIRST_ACTOR, SCENES, scene


@pytest.mark.parametrize("seed", range(20))
def test_a_scene_is_short_and_has_actors_of_its_own(seed: int) -> None:
    chance = Chance(seed)
    first, second = scene(chance, 0), scene(chance, 1)
    assert 1 <= sum(not isinstance(one.do, FAULTS) for one in first) <= 4 or len(first) <= 2
    actors = [{one.do.actor for one in steps if isinstance(one.do, StartActor)} for steps in (first, second)]
    assert min(actors[0] | actors[1], default=FIRST_ACTOR) >= FIRST_ACTOR
    assert not actors[0] & actors[1]


def test_every_scene_is_drawn() -> None:
    drawn = {tuple(type(one.do).__name__ for one in scene(Chance(seed), 0)) for seed in range(400)}
    assert len(drawn) >= len(set(SCENES))


def test_most_plans_with_kills_have_a_scene_and_none_without_them() -> None:
    def staged(size: Size) -> int:
        drawn = [plan(Chance(seed), size).steps for seed in range(100)]
        return sum(any(getattr(one.do, "actor", 0) >= FIRST_ACTOR for one in steps) for steps in drawn)

    assert staged(Size((10, 40), (1, 4))) > 40
    assert staged(Size((10, 40), (0, 0))) == 0


def test_plans_of_before_token_mode_keep_their_digests() -> None:
    old = Plan().data()
    assert "token" not in old
    assert plan_of(old) == Plan()
    assert plan_of(Plan(token=True).data()).token
    assert Plan(token=True).digest != Plan().digest
