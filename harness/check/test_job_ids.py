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


def numbers(*given: int, told: Tale | None = None) -> Tale:
    story = told or tale()
    for number in given:
        story.call("GetNextJobID", {}, {"job_id": number})
    return story


def test_what_proves_it_is_told() -> None:
    found = unique_job_ids(numbers(2, 2).story()).violations
    assert [one.events for one in found] == [("e4", "e4-end", "e6", "e6-end")]
    assert found[0].detail == "2: at 2.000000 and at 4.000000"
    found = unique_job_ids(numbers(1, 3, 2).story()).violations
    assert [one.events for one in found] == [("e6", "e6-end", "e8", "e8-end")]
    assert found[0].detail == "3 at 4.000000, 2 for a call sent at 5.000000"
    told = numbers(1, told=tale().call("AddJob", {"data": {"job_id": "01000000"}}))
    found = unique_job_ids(told.story()).violations
    assert [one.events for one in found] == [("e4", "e4-end", "e6", "e6-end")]
    assert found[0].detail == "1: asked for at 3.000000, the job was there at 2.000000"


def test_a_reply_without_a_number_gives_zero() -> None:
    told = tale().call("GetNextJobID", {}, {}).call("GetNextJobID", {}, {"job_id": 0})
    assert [one.detail for one in unique_job_ids(told.story()).violations] == [
        "0: at 2.000000 and at 4.000000"
    ]


def test_the_highest_of_all_that_had_ended_counts() -> None:
    told = tale().begin("GetNextJobID", id="slow")
    numbers(5, 6, told=told).end("slow", {"job_id": 7})
    assert unique_job_ids(told.story()).violations == ()
    numbers(6, told=told)
    assert {one.signature for one in unique_job_ids(told.story()).violations} == {
        "GetNextJobID gave a number twice",
        "GetNextJobID gave a smaller number later",
    }
    assert unique_job_ids(numbers(9, 9, told=tale().event("store", "wiped")).story()).idle


def test_only_an_addition_takes_a_number() -> None:
    other = tale().call("MarkJobFinished", {"data": {"job_id": "01000000"}})
    assert unique_job_ids(numbers(1, told=other).story()).violations == ()
    short = tale().call("AddJob", {"data": {"job_id": "01"}}).call("AddJob", {}).call("AddJob", {"data": {}})
    assert unique_job_ids(numbers(1, told=short).story()).violations == ()


def test_a_store_in_memory_forgets_the_jobs_of_before() -> None:
    job = {"data": {"job_id": "01000000"}}
    forgotten = tale(store="memory").call("AddJob", job).restart()
    assert unique_job_ids(numbers(1, told=forgotten).story()).violations == ()
    known = numbers(9, told=tale(store="memory")).call("AddJob", {"data": {"job_id": "0a000000"}})
    assert [one.signature for one in unique_job_ids(numbers(10, told=known).story()).violations] == [
        "GetNextJobID gave the number of a job that existed"
    ]
    before = tale(store="memory").look("baseline", {"jobs": {"01000000": {}}})
    assert unique_job_ids(numbers(1, told=before).story()).violations == ()
    before = tale().look("baseline", {"jobs": {"01000000": {}, "02": {}}}, id="first")
    (found,) = unique_job_ids(numbers(1, told=before).story()).violations
    assert found.events[0] == "first"
