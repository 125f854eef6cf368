"""The import rules of ARCHITECTURE.md, held by the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("harness", "scenarios", "reference_gcs")
IMPURE = frozenset(
    "asyncio socket time os threading multiprocessing subprocess signal select grpc redis secrets".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Rule:
    """Files below ``where`` import nothing of ours but ``may`` (and themselves)."""

    where: str
    may: tuple[str, ...]


BASICS = ("harness.errors", "harness.wait")
LOW = ("harness.wire", "harness.process", *BASICS)
RULES = (
    Rule("harness/wire", ()),
    Rule("harness/process", BASICS),
    Rule("harness/history", ("harness.wire",)),
    Rule("harness/check", ("harness.wire", "harness.history")),
    Rule("harness/store", LOW),
    Rule("harness/proxy", (*LOW, "harness.history", "harness.store")),
    Rule("harness/names", (*LOW, "harness.proxy")),
    Rule("harness/raylet", (*LOW, "harness.history")),
    Rule("harness/driver", (*LOW, "harness.check", "harness.history")),
    Rule("harness/target", (*LOW, "harness.history", "harness.store", "reference_gcs.mutants")),
    Rule("harness/fault", ("harness.cluster", "harness.history", "harness.store", *LOW)),
    Rule(
        "harness/cluster",
        (
            *LOW,
            *(
                f"harness.{room}"
                for room in (
                    "backend",
                    "check",
                    "driver",
                    "fault",
                    "history",
                    "names",
                    "proxy",
                    "raylet",
                    "store",
                    "target",
                )
            ),
        ),
    ),
    Rule(
        "harness/traffic",
        (*LOW, *(f"harness.{room}" for room in ("check", "cluster", "driver", "raylet"))),
    ),
    Rule(
        "harness/crashpoint",
        (
            *LOW,
            "harness.report.folder",
            "harness.report.verdict",
            *(
                f"harness.{room}"
                for room in ("backend", "check", "cluster", "driver", "fault", "history", "plugin")
            ),
            *(f"harness.{room}" for room in ("proxy", "raylet", "store", "target", "traffic")),
        ),
    ),
    Rule("harness/container", (*LOW, "harness.store", "harness.target")),
    Rule(
        "harness/backend",
        (*LOW, *(f"harness.{room}" for room in ("container", "history", "proxy", "store", "target"))),
    ),
    Rule(
        "harness/fuzz",
        (
            *LOW,
            *(
                f"harness.{room}"
                for room in ("backend", "check", "cluster", "driver", "expectations", "fault")
            ),
            "harness.matching",
            *(f"harness.{room}" for room in ("history", "judge", "proxy", "raylet", "store", "target")),
            *(f"harness.{room}" for room in ("plugin", "report")),
            "reference_gcs",
        ),
    ),
    Rule(
        "harness/fuzz/sim",
        (
            *LOW,
            *(f"harness.{room}" for room in ("check", "driver", "history", "raylet", "store")),
            *(
                f"harness.fuzz.{room}"
                for room in ("asking", "faults", "legality", "names", "operations", "order", "plan")
            ),
            "reference_gcs",
        ),
    ),
    Rule(
        "harness/fuzz/real",
        (
            *LOW,
            *(
                f"harness.{room}"
                for room in ("backend", "check", "cluster", "driver", "expectations", "fault", "history")
            ),
            *(
                f"harness.{room}"
                for room in ("judge", "matching", "proxy", "raylet", "report", "target", "fuzz")
            ),
        ),
    ),
    Rule("harness/supervisor.py", (*LOW, "harness.target")),
    Rule("reference_gcs", ("harness.wire",)),
    Rule("reference_gcs/core", ("harness.wire", "reference_gcs.core")),
    Rule("harness/guarantees.py", ()),
    Rule("harness/errors.py", ()),
    Rule("scenarios", ("harness", "reference_gcs")),
)


def imports_in(source: str) -> Iterator[str]:
    """Every dotted name that ``source`` imports, anywhere in it, as ``module.name``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def breaks_rule(rule: Rule, source: str) -> list[str]:
    """Imports in ``source`` that ``rule`` forbids."""
    home = rule.where.removesuffix(".py").replace("/", ".")
    return [name for name in imports_in(source) if within(name, OURS) and not within(name, (*rule.may, home))]


def breaks_everywhere(source: str) -> list[str]:
    """What no file may import: Ray, relative names, and scenarios from outside of them."""
    return [name for name in imports_in(source) if within(name, ("ray",)) or name.startswith(".")]


def impurities(source: str) -> list[str]:
    """What a pure core may not use: clocks, sockets, processes, and the global random generator."""
    found = [name for name in imports_in(source) if name.partition(".")[0] in IMPURE]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            found += [f"random.{alias.name}" for alias in node.names if alias.name != "Random"]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "random" and node.attr != "Random":
                found.append(f"random.{node.attr}")
            if node.value.id in ("datetime", "date") and node.attr in ("now", "utcnow", "today"):
                found.append(f"{node.value.id}.{node.attr}")
    return found


def files_below(where: str) -> list[Path]:
    place = ROOT / where
    return [place] if place.suffix == ".py" else sorted(place.rglob("*.py"))


def is_test(path: Path) -> bool:
    """Tests beside the code may look further; conftest.py and generated code are no part of it."""
    return path.name.startswith(("test_", "bench_", "conftest")) or path.name.endswith("_pb2.py")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.where)
def test_each_room_imports_only_what_it_may(rule: Rule) -> None:
    files = [path for path in files_below(rule.where) if rule.where == "scenarios" or not is_test(path)]
    assert files, f"no file below {rule.where}: the rule holds nothing"
    broken = {
        str(path.relative_to(ROOT)): names for path in files if (names := breaks_rule(rule, path.read_text()))
    }
    assert not broken


def test_nothing_imports_ray_or_by_relative_names() -> None:
    broken = {}
    for package in OURS:
        for path in files_below(package):
            if names := breaks_everywhere(path.read_text()):
                broken[str(path.relative_to(ROOT))] = names
    assert not broken


def test_nothing_imports_scenarios() -> None:
    for package in ("harness", "reference_gcs"):
        for path in files_below(package):
            assert not [name for name in imports_in(path.read_text()) if within(name, ("scenarios",))], path


@pytest.mark.parametrize("where", ["reference_gcs/core", "harness/check"])
def test_the_cores_are_pure(where: str) -> None:
    files = [path for path in files_below(where) if not is_test(path)]
    broken = {str(path.relative_to(ROOT)): found for path in files if (found := impurities(path.read_text()))}
    assert not broken


@pytest.mark.parametrize(
    "source",
    [
        "import harness.cluster",
        "from harness import cluster",
        "def f():\n    from harness.target import base",
    ],
)
def test_a_forbidden_import_is_caught(source: str) -> None:
    assert breaks_rule(Rule("harness/store", LOW), source)
    assert not breaks_rule(Rule("harness/store", LOW), "from harness.wire import ids")


@pytest.mark.parametrize(
    "source", ["import ray", "from ray import init", "import ray.util", "from . import x"]
)
def test_ray_and_relative_imports_are_caught(source: str) -> None:
    assert breaks_everywhere(source)
    assert not breaks_everywhere("import raylet\nfrom rayon import x")


@pytest.mark.parametrize(
    "source",
    ["import time", "from os import urandom", "import grpc.aio", "import random\nrandom.random()",
     "from random import choice", "from datetime import datetime\ndatetime.now()"],
)  # fmt: skip
def test_an_impurity_is_caught(source: str) -> None:
    assert impurities(source)
    assert not impurities("import random\nfrom random import Random\nr = random.Random(1)\nr.random()")
