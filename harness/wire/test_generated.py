"""The committed modules are what protoc makes of the ``.proto`` files, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROTOS = Path("harness/wire/protos")


def generate(into: Path) -> None:
    protos = sorted(path.relative_to(ROOT) for path in (ROOT / PROTOS).glob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={into}", f"--pyi_out={into}"]
    subprocess.run([*command, *map(str, protos)], cwd=ROOT, check=True)


def test_the_committed_modules_are_up_to_date(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools comes with the dev extra")
    generate(tmp_path)
    fresh = {path.name: path.read_text() for path in (tmp_path / PROTOS).iterdir()}
    committed = {
        path.name: path.read_text() for path in (ROOT / PROTOS).glob("*_pb2.py*") if path.suffix != ".pyc"
    }
    stale = sorted(name for name in fresh | committed if fresh.get(name) != committed.get(name))
    assert not stale, f"run `make protos` (with the versions of ci/constraints.txt): {stale}"
