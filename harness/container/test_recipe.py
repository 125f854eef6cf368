"""What the tag of an image stands for, and the context that it is built from."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from harness.container import building, recipe, rootfs
from harness.container.recipe import Recipe
from harness.errors import EnvironmentProblem


def made(**changed: Any) -> str:
    """The tag of a small recipe, with something else in it."""
    told: dict[str, Any] = {"what": "raylet", "parent": "python:3", "files": {"a.py": b"1", "b.py": b"2"}}
    return Recipe(**{**told, **changed}).image


def test_a_tag_stands_for_all_that_goes_in(tmp_path: Path) -> None:
    path = tmp_path / "source.py"
    path.write_text("1")
    tags = [
        made(),
        made(files={"a.py": b"1", "b.py": b"3"}),
        made(files={"a.py": b"1", "c.py": b"2"}),
        made(files={"a.py": b"1b.py2"}),
        made(files={"a.py": path}),
        made(parent="python:4"),
        made(what="python"),
        made(of="text"),
        made(parent=Recipe("python", None, {})),
    ]
    assert len(set(tags)) == len(tags)
    assert made(files={"b.py": b"2", "a.py": b"1"}) == tags[0]
    path.write_text("2")
    assert made(files={"a.py": path}) not in tags


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
