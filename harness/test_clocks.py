"""Bounds are measured by a clock that nobody sets: the wall clock is for what is written down, or by the protocol."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from harness.test_imports import OURS, ROOT, files_below, is_test

_OF_TIME = ("time", "time_ns", "ctime", "localtime", "gmtime", "strftime")
_OF_DATETIME = ("now", "utcnow", "today")
RECORDED = {
    "harness/driver/driver.py: drain_node": "a drain's deadline is a moment of the wall clock, says the protocol",
    "harness/fuzz/real/performance.py: _drain": "a drain's deadline is a moment of the wall clock, says the protocol",
    "harness/raylet/sync.py: _write": "versions of views, as Ray's raylets number them",
    "harness/raylet/workers.py: LocalWorker": "when a worker started, in its row",
    "harness/raylet/workers.py: failure": "when a worker died, in its row",
    "harness/raylet/worker_service.py: failure": "when something happened, in its row",
    "harness/raylet/membership.py: _info": "when a node started, in its row",
    "harness/report/folder.py: create": "the name of a run's folder",
    "harness/fuzz/real/showing.py: fuzz": "the name of a campaign's folder",
    "harness/mutants/choosing.py: new_folder": "the name of a folder",
    "reference_gcs/clock.py: __init__": "where the steady clock begins",
    "reference_gcs/shell.py: log": "the time of a line of its log",
    "scenarios/test_draining.py: *": "a drain's deadline is a moment of the wall clock, says the protocol",
    "scenarios/test_hosts.py: *": "the wall clock of a host is what is looked at",
}
"""``file: function`` -> what it is for."""


def readings(source: str) -> Iterator[str]:
    """The functions of ``source`` that read the wall clock, by name; a class where it is in its body; '' at the top."""
    yield from _readings(ast.parse(source), "")


def _readings(node: ast.AST, inside: str) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        inside = node.name
    if isinstance(node, ast.Attribute) and _is_clock(ast.unparse(node)):
        yield inside
    if isinstance(node, ast.ImportFrom) and node.module == "time":
        yield from ("" for alias in node.names if alias.name in _OF_TIME)
    for child in ast.iter_child_nodes(node):
        yield from _readings(child, inside)


def _is_clock(name: str) -> bool:
    *of, last = name.split(".")
    return (of == ["time"] and last in _OF_TIME) or (
        of[-1:] in (["datetime"], ["date"]) and last in _OF_DATETIME
    )


def found() -> set[str]:
    """``file: function`` of every reading in the tree, but for tests of ours."""
    places = set()
    for path in (path for package in OURS for path in files_below(package)):
        name = str(path.relative_to(ROOT))
        if name.startswith("scenarios/") or not is_test(path):
            places |= {
                f"{name}: {'*' if name.startswith('scenarios/') else inside}"
                for inside in readings(path.read_text())
            }
    return places


def test_only_what_is_recorded_reads_the_wall_clock() -> None:
    assert found() == set(RECORDED)


@pytest.mark.parametrize(
    "source",
    [
        "import time\ndef f():\n    return time.time() + 5",
        "import time\ndef f():\n    g(default_factory=time.time_ns)",
        "from datetime import datetime\ndef f():\n    return datetime.now()",
        "import datetime\nasync def f():\n    return datetime.datetime.utcnow()",
    ],
)
def test_a_reading_is_found(source: str) -> None:
    assert list(readings(source)) == ["f"]
    assert list(readings("from time import time")) == [""]
    assert not list(readings("import time\ndef f():\n    return time.monotonic()"))
