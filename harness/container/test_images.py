"""Which image plays which part, by an engine that we play."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound

from harness.container import building, images, recipes
from harness.container.recipe import ROOT
from harness.errors import EnvironmentProblem


class FakeImages:
    """The engine's images: ``here`` are the names that it has, ``there`` those of its registry."""

    def __init__(self, here: set[str], there: set[str]) -> None:
        self.here, self.there = here, there
        self.pulled: list[str] = []

    def get(self, name: str) -> Any:
        if name not in self.here:
            raise ImageNotFound("404", explanation=f"no such image: {name}")
        return SimpleNamespace(id=name, tag=lambda alias: self.here.add(alias))

    def pull(self, name: str) -> None:
        self.pulled.append(name)
        if name not in self.there:
            raise APIError("500", explanation="no such host")
        self.here.add(name)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeImages:
    """No engine: what is asked of it is answered here, and a build makes the name."""
    fake = FakeImages(set(), set())
    client = SimpleNamespace(images=fake)
    monkeypatch.setattr(images, "engine", lambda: SimpleNamespace(client=client))
    monkeypatch.setattr(building, "_build", lambda _, recipe, anew: fake.here.add(recipe.image))
    monkeypatch.setattr(building, "cache_directory", lambda: tmp_path)
    return fake


def test_all_dockerfiles_build_on_one_public_base() -> None:
    bases = {
        line
        for path in (ROOT / "ci/images").glob("Dockerfile.*")
        for line in path.read_text().splitlines()
        if line.startswith("ARG BASE=")
    }
    assert len(bases) == 1
    assert recipes.public_base() == bases.pop().removeprefix("ARG BASE=")


def test_the_prefix_of_testcontainers_goes_before_official_names(
    fake: FakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    from testcontainers.core.config import testcontainers_config

    monkeypatch.setattr(testcontainers_config, "hub_image_name_prefix", "mirror.example/hub/")
    fake.here.add("mirror.example/hub/redis:8.2.1")
    assert images.redis_image() == "mirror.example/hub/redis:8.2.1"
    assert recipes.public_base().startswith("mirror.example/hub/python:")


def test_redis_is_the_official_one_where_it_is(fake: FakeImages) -> None:
    local = recipes.store("redis")
    fake.here |= {"redis:8.2.1", local.image, local.alias}
    assert images.redis_image(None) == "redis:8.2.1"
    assert not fake.pulled


def test_redis_is_ours_rather_than_pulled(fake: FakeImages) -> None:
    local = recipes.store("redis")
    fake.here |= {local.image, local.alias}
    fake.there.add("redis:8.2.1")
    assert images.redis_image(None) == local.image
    assert not fake.pulled


def test_redis_of_an_older_recipe_is_made_again(fake: FakeImages) -> None:
    local = recipes.store("redis")
    fake.here.add(local.alias)
    assert images.redis_image(None) == local.image
    assert local.image in fake.here


def test_redis_is_pulled_aloud(fake: FakeImages, capsys: pytest.CaptureFixture[str]) -> None:
    fake.there.add("redis:8.2.1")
    assert images.redis_image(None) == "redis:8.2.1"
    assert capsys.readouterr().err == "pulling redis:8.2.1 …\n"


def test_without_any_redis_the_way_out_is_named(fake: FakeImages) -> None:
    with pytest.raises(EnvironmentProblem, match=r"no such host.*ci/images/build redis.*--redis-image"):
        images.redis_image(None)


def test_a_named_image_is_taken_or_pulled(fake: FakeImages) -> None:
    fake.here.add("my/redis:1")
    fake.there.add("my/raylet:1")
    assert images.redis_image("my/redis:1") == "my/redis:1"
    assert images.raylet_image("my/raylet:1") == "my/raylet:1"
    assert fake.pulled == ["my/raylet:1"]
    with pytest.raises(EnvironmentProblem, match=r"my/gcs:1 is neither here.*no such host"):
        images.foreign_image("my/gcs:1")


def test_our_own_image_is_taken_on_whichever_base_it_is(fake: FakeImages) -> None:
    for way in (recipes.LOCAL, recipes.PUBLIC):
        fake.here = {recipes.raylet(way).image}
        assert images.raylet_image(None) == recipes.raylet(way).image
    assert not fake.pulled


@pytest.mark.parametrize("way", [recipes.LOCAL, recipes.PUBLIC])
def test_our_own_image_is_built_on_the_base_that_is_here(fake: FakeImages, way: str) -> None:
    fake.here = {recipes.public_base() if way == recipes.PUBLIC else recipes.local_base().image}
    assert images.reference_image() == recipes.reference(way).image
    assert {recipes.python(way).image, "gauntlet/reference-gcs:local"} < fake.here
    assert not fake.pulled


def test_where_no_base_is_here_the_public_one_is_tried(
    fake: FakeImages, capsys: pytest.CaptureFixture[str]
) -> None:
    assert images.reference_image() == recipes.reference(recipes.LOCAL).image
    assert "cannot be pulled (no such host): building from local bits" in capsys.readouterr().err
    fake.here = set()
    fake.there.add(recipes.public_base())
    assert images.reference_image() == recipes.reference(recipes.PUBLIC).image


def test_a_build_on_a_public_base_that_cannot_be_had_names_the_other_way(fake: FakeImages) -> None:
    client: Any = SimpleNamespace(images=fake)
    with pytest.raises(EnvironmentProblem, match="ci/images/build --local"):
        building.make(client, recipes.raylet(recipes.PUBLIC))


def test_fresh_builds_each_image_once(fake: FakeImages, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[str, bool]] = []
    monkeypatch.setattr(building, "_build", lambda _, recipe, anew: built.append((recipe.what, anew)))
    every = [recipes.raylet(recipes.LOCAL), recipes.reference(recipes.LOCAL), recipes.store("redis")]
    fake.here = {one.image for one in every} | {
        recipes.python(recipes.LOCAL).image,
        recipes.local_base().image,
    }
    client: Any = SimpleNamespace(images=fake)
    fresh: set[str] = set()
    for one in every:
        building.make(client, one)
    assert not built
    for one in every:
        building.make(client, one, fresh)
    assert [what for what, _ in built] == ["base", "python", "raylet", "reference-gcs", "redis"]
    assert all(anew for _, anew in built)


def test_a_build_from_local_bits_has_no_network() -> None:
    assert recipes.raylet(recipes.LOCAL).network == recipes.store("redis").network == "none"
    assert recipes.raylet(recipes.PUBLIC).network == "default"


def test_the_script_says_in_one_sentence_that_no_engine_answers(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "ci/images/build", "raylet"],
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "no container engine answers" in done.stderr
