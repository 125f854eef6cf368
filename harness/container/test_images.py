"""Which image plays which part, what its tag stands for, and that the built ones run."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound

from harness.container import building, images, recipe, recipes, rootfs
from harness.container.recipe import ROOT, Recipe
from harness.container.testing import lacking, need_engine
from harness.errors import EnvironmentProblem
from harness.target import wheel_cache

RELEASE = "2.60.0"


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


def made(tmp_path: Path, **changed: Any) -> str:
    """The tag of a small recipe, with something else in it."""
    told: dict[str, Any] = {"what": "raylet", "parent": "python:3", "files": {"a.py": b"1", "b.py": b"2"}}
    return Recipe(**{**told, **changed}).image


def test_a_tag_stands_for_all_that_goes_in(tmp_path: Path) -> None:
    path = tmp_path / "source.py"
    path.write_text("1")
    tags = [
        made(tmp_path),
        made(tmp_path, files={"a.py": b"1", "b.py": b"3"}),
        made(tmp_path, files={"a.py": b"1", "c.py": b"2"}),
        made(tmp_path, files={"a.py": b"1b.py2"}),
        made(tmp_path, files={"a.py": path}),
        made(tmp_path, parent="python:4"),
        made(tmp_path, what="python"),
        made(tmp_path, of="text"),
        made(tmp_path, parent=Recipe("python", None, {})),
    ]
    assert len(set(tags)) == len(tags)
    assert made(tmp_path, files={"b.py": b"2", "a.py": b"1"}) == tags[0]
    path.write_text("2")
    assert made(tmp_path, files={"a.py": path}) not in tags


def test_a_change_of_a_parent_changes_the_child() -> None:
    def tag(content: bytes) -> str:
        return Recipe("raylet", Recipe("python", Recipe("base", None, {"f": content}), {}), {}).image

    assert tag(b"1") != tag(b"2")


def test_the_raylets_sources_are_the_rooms_that_it_imports() -> None:
    files = recipe.sources("harness/raylet", "harness/proxy")
    for path in ("harness/raylet/host.py", "harness/proxy/redis.py", "harness/wire/protos/gcs_pb2.py",
                 "harness/__init__.py", "harness/errors.py", "harness/proxy/modes/__init__.py"):  # fmt: skip
        assert path in files
    assert not [
        path for path in files if "test_" in path or "__pycache__" in path or not path.endswith(".py")
    ]
    assert not [
        path for path in files if path.startswith(("harness/report/", "harness/plugin/", "reference_gcs/"))
    ]
    assert "reference_gcs/core/state.py" in files or "reference_gcs/server.py" in recipe.sources(
        "reference_gcs"
    )


def test_only_versions_of_what_a_container_needs_count() -> None:
    assert [pin.partition("==")[0] for pin in recipe.pins()] == recipe.requirements()
    assert not [pin for pin in recipe.pins() if pin.startswith(("ruff", "pytest"))]


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


def test_a_context_is_the_same_whoever_packs_it(tmp_path: Path) -> None:
    contents: list[bytes] = []
    for name in ("one", "two"):
        path = tmp_path / name / "tree" / "file"
        path.parent.mkdir(parents=True)
        path.write_text("text")
        os.utime(path, (len(contents), len(contents)))
        building.pack({"tree": path.parent, "b": b"bytes"}, tmp_path / f"{name}.tar")
        contents.append((tmp_path / f"{name}.tar").read_bytes())
    assert contents[0] == contents[1]
    with tarfile.open(tmp_path / "one.tar") as tar:
        assert tar.getnames() == ["b", "tree", "tree/file"]


@pytest.mark.parametrize(
    ("name", "becomes"),
    [("./", ""), ("./lib/x.so", "usr/lib/x.so"), ("bin", "usr/bin"), ("./usr/lib/y", "usr/lib/y"),
     ("./etc/lib/z", "etc/lib/z"), ("./library/x", "library/x"), ("./.hidden", ".hidden")],
)  # fmt: skip
def test_usr_is_merged(name: str, becomes: str) -> None:
    assert rootfs.merged(name) == becomes


def test_a_checkout_is_needed_to_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recipe, "ROOT", tmp_path)
    with pytest.raises(EnvironmentProblem, match="checkout"):
        recipe.requirements()


def test_the_script_says_in_one_sentence_that_no_engine_answers(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "ci/images/build", "raylet"],
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "no container engine answers" in done.stderr


class TestBuilt:
    """With an engine: images as they are here, built when they are not."""

    @pytest.fixture(autouse=True)
    def engine(self) -> None:
        need_engine()

    @pytest.fixture
    def run(self) -> Callable[..., str]:
        """Run a command to its end, without any network; what it printed on both outputs."""
        from harness.container.engine import engine

        client, labels = engine().client, engine().labels()
        name = f"gauntlet-test-{uuid.uuid4().hex[:8]}"

        def run(image: str, *command: str, entrypoint: str | None = None, **env: str) -> str:
            container = client.containers.create(
                image, list(command), name=name, entrypoint=entrypoint, environment=env,
                network_mode="none", init=True, labels=labels,
            )  # fmt: skip
            try:
                container.start()
                container.wait(timeout=30)
                return str(container.logs().decode())
            finally:
                container.remove(force=True, v=True)

        return run

    def test_raylet_and_proxy_import(self, run: Callable[..., str]) -> None:
        said = run(
            images.raylet_image(None), "-c",
            "import grpc, harness.raylet.host, harness.raylet.raylet, harness.proxy.host, harness.proxy.redis, "
            "harness.names.server, sys; print(sys.version_info[:1], 'grpc_tools' in sys.modules)",
        )  # fmt: skip
        assert said == "(3,) False\n"

    def test_reference_imports(self, run: Callable[..., str]) -> None:
        said = run(
            images.reference_image(), "-c", "import reference_gcs.__main__, reference_gcs.store; print('fine')",
            entrypoint="python3",
        )  # fmt: skip
        assert said == "fine\n"

    def test_gcs_server_runs(self, run: Callable[..., str]) -> None:
        if not wheel_cache.complete(wheel_cache.cache_directory() / f"ray-{RELEASE}"):
            lacking(f"ray=={RELEASE} is not in the cache")
        assert "-gcs_server_port" in run(images.ray_image(RELEASE), "--help")

    def test_libfaketime_is_found(self, run: Callable[..., str]) -> None:
        said = run(
            images.raylet_image(None), "-c", "import time; print(time.gmtime().tm_year)",
            LD_PRELOAD=rootfs.LIBFAKETIME, FAKETIME="@2040-05-05 00:00:00",
        )  # fmt: skip
        assert said == "2040\n"

    @pytest.mark.parametrize("store", ["redis", "valkey"])
    def test_a_store_answers_and_has_tls_and_sentinel(self, run: Callable[..., str], store: str) -> None:
        try:
            image = images.redis_image(None) if store == "redis" else images.valkey_image()
        except EnvironmentProblem as problem:
            # Every Debian has a Redis, not every one a Valkey.
            lacking(str(problem)) if store == "redis" else pytest.skip(str(problem))
        said = run(
            image, "-c",
            f"{store}-server --save '' --unixsocket /tmp/socket --port 0 >/dev/null & "
            f"for i in 1 2 3 4 5 6 7 8 9; do {store}-cli -s /tmp/socket ping && break; sleep 0.2; done; "
            f"{store}-cli -s /tmp/socket config get tls-port; {store}-sentinel --version",
            entrypoint="sh",
        )  # fmt: skip
        assert "PONG" in said
        assert "tls-port" in said
        assert " server v=" in said
