"""The registry of mutants: whole, readable, and without a trace in a GCS that is sound."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from harness.check.registry import CHECKS
from harness.guarantees import CLAUSES
from harness.wire import messages as m
from reference_gcs import world
from reference_gcs.core import kv
from reference_gcs.core.serving import SERVED
from reference_gcs.mutants.catalogue import MUTANTS, Mutant, UnknownMutant, named
from reference_gcs.mutants.registry import SCENARIO

OF_CLIENTS = {"K2", "K3", "K4", "K5"}
"""Clauses about raylets and drivers, which no GCS can break."""
OF_ROCKSDB = {"S5"}
"""The reference has no such store."""
OF_OTHERS = {"assumptions", "deadline", "blocking"}
"""Checks that see no broken GCS in a short case: of the case itself, of raylets without a GCS, of a GCS that
answers while it does not run.

What deadline says of a GCS, that it keeps a dead node ALIVE, needs a look 30 s after the raylet's end.
"""
each = pytest.mark.parametrize("mutant", MUTANTS.values(), ids=lambda one: one.name)


def test_every_clause_and_every_check_has_its_mutants() -> None:
    assert len(MUTANTS) >= 40
    broken = {clause for one in MUTANTS.values() for clause in one.clauses}
    assert broken == set(CLAUSES) - OF_CLIENTS - OF_ROCKSDB
    assert {check for one in MUTANTS.values() for check in one.checks} == {SCENARIO, *CHECKS} - OF_OTHERS


@each
def test_a_mutant_is_planted_and_taken_out_again(mutant: Mutant) -> None:
    place = inspect.getmodule(mutant.original)
    assert place is not None
    before = _found(mutant)
    assert before is mutant.original, "something else is planted"
    mend = mutant.plant()
    try:
        assert _found(mutant) is not mutant.original
        assert not any(one.behave is mutant.original for one in SERVED.values())
    finally:
        mend()
    assert _found(mutant) is mutant.original


def _found(mutant: Mutant) -> object:
    found: object = sys.modules[mutant.original.__module__]
    for name in mutant.original.__qualname__.split("."):
        found = getattr(found, name)
    return found


@each
def test_a_mutant_says_what_it_does(mutant: Mutant) -> None:
    assert mutant.sentence.endswith(".") and mutant.sentence.count(".") <= 1 + mutant.sentence.count("#")
    assert mutant.clauses and mutant.checks and mutant.cases


def test_a_planted_mutant_behaves_as_it_says_and_a_mended_one_does_not() -> None:
    mend = named("acks-a-put-without-a-write").plant()
    try:
        assert _put_and_get() != b"value"
    finally:
        mend()
    assert _put_and_get() == b"value"
    assert SERVED["InternalKVGcsService.InternalKVPut"].behave is kv.put


def _put_and_get() -> bytes:
    one = world.World()
    one.ask("InternalKVPut", key=b"key", value=b"value", overwrite=True)
    found: m.InternalKVGetReply = one.ask("InternalKVGet", key=b"key")
    return found.value


def test_an_unknown_mutant_is_named_as_such() -> None:
    with pytest.raises(UnknownMutant, match="there is no mutant 'sound'; there are acks-a-put"):
        named("sound")
    ended = subprocess.run(
        [sys.executable, "-m", "reference_gcs", "--mutant=sound"], capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 1
    assert "there is no mutant 'sound'" in ended.stderr
