"""A witness notes who calls, and answers nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from harness.cluster.witness import Witness
from harness.process.ports import allocate_address, allocate_port
from harness.process.python import spawn_here


def test_a_call_is_noted_and_not_answered(tmp_path: Path) -> None:
    address = allocate_address()
    port = allocate_port(address)
    witness = Witness(spawn_here, address, port, tmp_path / "witness")
    try:
        assert not witness.calls()
        with grpc.insecure_channel(f"{address}:{port}") as channel:
            call: Any = channel.unary_unary("/ray.rpc.NodeManagerService/NotifyGCSRestart")
            with pytest.raises(grpc.RpcError) as refusal:
                call(b"", timeout=10)
        assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert witness.calls() == ["/ray.rpc.NodeManagerService/NotifyGCSRestart"]
    finally:
        witness.close()


def test_a_place_that_is_taken_is_told(tmp_path: Path) -> None:
    address = allocate_address()
    port = allocate_port(address)
    first = Witness(spawn_here, address, port, tmp_path / "first")
    try:
        with pytest.raises(RuntimeError, match="the witness ended"):
            Witness(spawn_here, address, port, tmp_path / "second")
    finally:
        first.close()
