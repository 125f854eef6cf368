"""Which events a page keeps, and the lanes, bars and windows that it draws of them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from harness.history.entry import Entry
from harness.history.event import Event
from harness.report import fake_run, lanes
from harness.report.timeline import chosen, shares, timeline

EVENTS, LEDGER = fake_run.case_events("case", 400)
ALL = lanes.merged(EVENTS, LEDGER)


@given(st.lists(st.integers(0, 3000), max_size=8), st.integers(0, 20_000))
def test_shares_keep_to_the_room_and_waste_none(wants: list[int], room: int) -> None:
    given_ = shares(wants, room)
    assert all(0 <= got <= want for got, want in zip(given_, wants, strict=True))
    assert sum(given_) <= room
    assert sum(given_) == sum(wants) or sum(given_) > room - max(1, len(wants))


@given(st.sets(st.sampled_from([one.id for one in ALL]), max_size=20), st.integers(0, 500))
def test_no_proof_is_ever_left_out(proof: set[str], most: int) -> None:
    kept = [one.id for one in chosen(ALL, proof, most)]
    assert proof <= set(kept)
    assert len(kept) <= max(most, 2 * len(proof))
    order = [one.id for one in ALL]
    assert kept == sorted(kept, key=order.index)


def test_what_is_near_the_proof_is_kept_before_what_is_far() -> None:
    calls = [Event(f"c-{n}", "x", 0, n, "note", "harness", "n", {}) for n in range(100)]
    assert [one.id for one in chosen(calls, {"c-50"}, 3)] == ["c-49", "c-50", "c-51"]
    assert [one.id for one in chosen(calls, set(), 2)] == ["c-98", "c-99"]


def test_the_other_end_of_a_proof_s_call_comes_along() -> None:
    returned = next(one for one in reversed(ALL) if one.kind == "return")
    kept = {one.id for one in chosen(ALL, {returned.id}, 2)}
    assert returned.facts["call"] in kept


def test_lives_faults_and_lanes_survive_the_cut() -> None:
    data = timeline(EVENTS, LEDGER, {"s-3"}, 30)
    assert len(data["events"]) == 30 and data["left_out"] == len(ALL) - 30
    assert {bar[3] for bar in data["bars"]} >= {"boot", "alive"}
    assert [window[0] for window in data["windows"]] == ["kill the GCS"]
    assert [lane["name"] for lane in data["lanes"] if lane["sort"] == "gcs"] == ["GCS"]
    assert [one[0] for one in data["events"] if one[8]] == ["s-3"]


def test_each_writer_has_its_lane_in_a_fixed_order() -> None:
    data = timeline(EVENTS, LEDGER, ())
    names = [lane["name"] for lane in data["lanes"]]
    assert names == [
        "harness",
        "driver-0",
        "driver-1",
        "listener-2",
        "GCS",
        "store",
        "raylet 3f3f3f3f",
        "raylet a7a7a7a7",
    ]
    calls = {data["lanes"][one[2]]["name"] for one in data["events"] if one[3] == "call"}
    assert calls == {"driver-0", "driver-1", "raylet 3f3f3f3f"}


def test_bars_tell_outcomes_lives_and_what_the_proxy_struck() -> None:
    found = lanes.bars(ALL)
    by_tone = {tone: [bar for bar in found if bar.tone == tone] for tone in {bar.tone for bar in found}}
    assert [bar.label for bar in by_tone["alive"]] == ["gcs alive, life 0", "gcs alive, life 1"]
    assert by_tone["alive"][0].end == 1000.52 and by_tone["alive"][1].end is None
    assert len(by_tone["struck"]) == 1 and len(by_tone["unknown"]) == 1 and len(by_tone["worker"]) == 2


def test_a_call_that_never_ended_and_a_fault_that_never_healed_stay_open() -> None:
    events = [
        Event("c-1", "x", 0, 1.0, "fault", "harness", "silence", {"phase": "inject"}),
        Event("c-2", "x", 0, 2.0, "call", "driver-0", "AddJob", {}),
    ]
    data = timeline(events, (), ())
    assert data["bars"] == [[1, 1.0, None, "open", "AddJob", ("c-2",)]]
    assert data["windows"] == [["silence", 0.0, None, ("c-1",)]]


def test_clusters_of_one_case_do_not_share_lanes() -> None:
    events = [Event(f"c.{n}-1", "x", n, 1.0, "gcs", "gcs", "started", {"life": 0}) for n in range(2)]
    assert [lane["name"] for lane in timeline(events, (), ())["lanes"]] == ["0: GCS", "1: GCS"]


def test_huge_facts_are_cut_but_those_of_a_proof_less() -> None:
    events = [Event(f"c-{n}", "x", 0, n, "note", "harness", "n", {"x": "y" * 10_000}) for n in range(2)]
    facts = [one[6] for one in timeline(events, (), {"c-1"})["events"]]
    assert len(facts[0]) == 4000 and facts[0].endswith("…") and json.loads(facts[1])["x"] == "y" * 10_000


def test_nothing_recorded_is_an_empty_timeline() -> None:
    assert timeline((), (), ())["events"] == []


def test_a_command_without_reply_and_with_a_strange_key() -> None:
    entry = Entry("s-1", "x", 0, 1.0, None, "rival", 1, 1, ("GET", "0xff"), None, None)
    data = timeline((), (entry,), ())
    assert data["events"][0][5] == "GET" and data["lanes"][0]["name"] == "store, rival"
