"""The registry is whole: no id is missing, doubled or misfiled."""

from __future__ import annotations

import pytest

from harness import guarantees as g

IDS = {
    "L": "1 2 3 4 5 6",
    "C": "1 2 3 4 5 6",
    "D": "1 2 3 4 5 6 7 8 9 10 11 12 13",
    "I": "1 2 3 4 5 7 8",  # the contract has no I6
    "R": "1 2 3 4 5 6 7",
    "A": "1 2 3 4 5 6 7 8 9 10 11",
    "P": "1 2 3 4",
    "N": "1 2 3 4 5 6 7 8 9 10",
    "B": "1 2 3 4 5 6",
    "S": "1 2 3 4 5",
    "K": "1 2 3 4 5",
}


def test_every_clause_of_the_contract_is_there_once() -> None:
    expected = [letter + number for letter, numbers in IDS.items() for number in numbers.split()]
    assert list(g.CLAUSES) == expected
    assert len(g.CLAUSES) == len(g._CLAUSES) == 80


def test_every_extended_clause_exists() -> None:
    assert g.CLAUSES.keys() >= g._EXTENDED
    assert g.clause("L4").extended and not g.clause("D1").extended


def test_there_are_seven_promises_and_twelve_behaviours() -> None:
    assert list(g.PROMISES) == [str(number) for number in range(1, 8)]
    assert list(g.BEHAVIOURS) == [f"T{number}" for number in range(1, 13)]


def test_levels_are_the_contract_s() -> None:
    should = {one.id for one in g.CLAUSES.values() if one.level is g.Level.SHOULD}
    assert should == {"L4", "L5", "D11", "D13", "R6", "A9", "N5", "S2", "S3", "K4", "K5"}


@pytest.mark.parametrize("find", [g.promise, g.clause, g.behaviour])
def test_an_unknown_id_is_named_with_the_known_ones(find: object) -> None:
    assert callable(find)
    with pytest.raises(g.UnknownGuarantee, match=r"there is no \w+ 'X9'; known: "):
        find("X9")
