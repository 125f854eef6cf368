"""Which image plays which part: as named, else what is here, else built or pulled, aloud.

Images of ours are tagged with a hash of what they are made of (``recipe.py``): one that is here is right.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from harness.container import recipes
from harness.container.building import make
from harness.container.engine import engine
from harness.container.recipe import Recipe
from harness.container.registry import official, present, pull, say
from harness.errors import EnvironmentProblem
from harness.target.ray_wheel import checked_release

if TYPE_CHECKING:
    import docker

OFFICIAL = {"redis": "redis:8.2.1", "valkey": "valkey/valkey:8.1.3"}


def redis_image(chosen: str | None = None) -> str:
    """``chosen``, else the official image if it is here, else our local one, else the official one, pulled.

    EnvironmentProblem when there is none.
    """
    return foreign_image(chosen, "--redis-image") if chosen else _store("redis", "--redis-image")


def valkey_image() -> str:
    """As :func:`redis_image`, for Valkey."""
    return _store("valkey")


def raylet_image(chosen: str | None = None) -> str:
    """``chosen``, else ours, with the sources as they are now; built when it is not here."""
    return foreign_image(chosen, "--raylet-image") if chosen else _ours(recipes.raylet)


def reference_image() -> str:
    """The reference GCS with the sources as they are now; built when it is not here."""
    return _ours(recipes.reference)


def ray_image(release: str) -> str:
    """The ``gcs_server`` of ``release``; its wheel is fetched and its image built when they are not here."""
    return _ours(partial(recipes.ray, str(checked_release(release))))


def foreign_image(name: str, option: str = "--gcs image:…") -> str:
    """A stranger's, named by ``option``: it is here or pulled, else EnvironmentProblem."""
    client = engine().client
    if not present(client, name) and (why := pull(client, name)):
        raise EnvironmentProblem(
            f"the image {name} is neither here nor can it be pulled ({why}): build it, or name another with {option}"
        )
    return name


def way_here(client: docker.DockerClient) -> str:
    """Whether to build on the public base or from local bits: what is here decides, then a pull."""
    public = recipes.public_base()
    if present(client, public):
        return recipes.PUBLIC
    if present(client, recipes.local_base().image):
        return recipes.LOCAL
    why = pull(client, public)
    if why is None:
        return recipes.PUBLIC
    say(f"{public} cannot be pulled ({why}): building from local bits")
    return recipes.LOCAL


def _ours(recipe: Callable[[str], Recipe]) -> str:
    client = engine().client
    for way in (recipes.PUBLIC, recipes.LOCAL):
        if present(client, recipe(way).image):
            return recipe(way).image
    return make(client, recipe(way_here(client)))


def _store(name: str, option: str = "") -> str:
    client = engine().client
    public, ours = official(OFFICIAL[name]), recipes.store(name)
    if present(client, public):
        return public
    if present(client, ours.alias):
        # Nothing is built unless the recipe has changed since.
        return make(client, ours)
    if why := pull(client, public):
        another = f", or name another image with {option}" if option else ""
        raise EnvironmentProblem(
            f"{public} is neither here nor can it be pulled ({why}): run ci/images/build {name}{another}"
        )
    return public
