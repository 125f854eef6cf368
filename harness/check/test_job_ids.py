"""A number given twice, or a smaller one later, is told; overlapping calls may come in any order."""

from __future__ import annotations

from harness.check.job_ids import unique_job_ids
from harness.check.tale import Tale, tale


def given(told: Tale, *numbers: int) -> Tale:
    for number in numbers:
        told.call("GetNextJobID", {}, {"job_id": number})
    return told


def signatures(told: Tale) -> list[str]:
    return [one.signature for one in unique_job_ids(told.story()).violations]


def test_numbers_grow_with_gaps_and_across_recoveries() -> None:
    assert signatures(given(given(tale(), 1, 2, 5).restart(), 6)) == []


def test_a_number_is_not_given_twice() -> None:
    assert "GetNextJobID gave a number twice" in signatures(given(given(tale(), 1, 2).restart(), 2))


def test_a_smaller_number_does_not_come_later() -> None:
    assert signatures(given(tale(), 3, 2)) == ["GetNextJobID gave a smaller number later"]
    told = tale().begin("GetNextJobID", id="one").begin("GetNextJobID", id="two")
    assert signatures(told.end("one", {"job_id": 3}).end("two", {"job_id": 2})) == []


def test_a_number_is_not_that_of_a_job_that_existed() -> None:
    taken = ["GetNextJobID gave the number of a job that existed"]
    added = {"data": {"job_id": "07000000"}}
    assert signatures(given(tale().call("AddJob", added), 7)) == taken
    assert signatures(given(tale(), 7).call("AddJob", added)) == []
    baseline = {"jobs": {"07000000": {"dead": False}}}
    assert signatures(given(tale().look("baseline", baseline), 7)) == taken
    assert signatures(given(tale().look("baseline", baseline), 8)) == []


def test_a_store_in_memory_counts_anew_with_each_gcs() -> None:
    forgetful = given(given(tale(store="memory", ledger=False), 1, 2).restart(), 1, 2)
    assert signatures(forgetful) == []
    assert signatures(given(forgetful, 2)) != []


def test_a_counter_that_was_lost_on_purpose_is_not_judged() -> None:
    assert signatures(given(given(tale(), 1, 2).event("store", "wiped"), 1)) == []
