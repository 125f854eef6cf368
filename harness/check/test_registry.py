"""All checks over one story: their names, their guarantees, their pace."""

from __future__ import annotations

import time
from typing import Any

import pytest

from harness.check import registry
from harness.check.ruling import Finding, Ruling
from harness.check.story import Story
from harness.check.tale import Tale, tale
from harness.guarantees import CLAUSES, PROMISES


def test_every_check_rules_under_its_own_name() -> None:
    assert [one.check for one in registry.judge(tale().story())] == list(registry.CHECKS)


def test_every_check_speaks_for_something_that_there_is() -> None:
    for name, check in registry.CHECKS.items():
        assert {*check.speaks_for} <= {*PROMISES, *CLAUSES}, name
        assert check.speaks_for or name == "assumptions"
        assert check.guarantee[0].isupper()
        assert not check.guarantee.endswith(".")


def test_a_quiet_story_breaks_nothing() -> None:
    told = tale().restart().call("CheckAlive")
    rulings = registry.judge_case(told.events, told.ledger)
    assert not [one for one in rulings if one.finding is Finding.BROKEN]
    assert all(one.idle for one in rulings if one.finding is Finding.UNKNOWN)


def test_what_a_check_raises_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(story: Story) -> Ruling:
        raise ZeroDivisionError

    monkeypatch.setattr(registry, "CHECKS", {"x": registry.Registered(fails, "X")})
    with pytest.raises(ZeroDivisionError):
        registry.judge(tale().story())


@pytest.mark.parametrize("what", ["evicted", "unsaved"])
def test_where_the_store_lost_rows_by_itself_nobody_is_blamed(what: str) -> None:
    told = tale().call("AddJob", {"data": {"job_id": "01000000"}}).call("CheckAlive")
    assert [one.check for one in registry.judge(told.story()) if one.finding is Finding.BROKEN] == ["durable"]
    told.event("store", what, {"why": "the store threw out 3 keys"}, at=told.now + 1)
    rulings = {one.check: one for one in registry.judge(told.story())}
    void = {one.check for one in rulings.values() if one.void}
    assert void == {"durable", "assumptions"}
    assert rulings["durable"].finding is Finding.UNKNOWN
    assert rulings["assumptions"].reason == "the store threw out 3 keys"


def long_tale(calls: int) -> Tale:
    """Several clients put and read a handful of keys, with a restart now and then."""
    told = tale()
    for number in range(calls):
        key, client = f"k{number % 40}", f"driver-{number % 8}"
        asked: dict[str, Any] = {"namespace": "67", "key": key.encode().hex()}
        if number % 2:
            told.call("InternalKVGet", asked, code=17, outcome="refused", client=client)
        else:
            asked |= {"key": f"p{number % 40}".encode().hex(), "value": f"{number:04x}", "overwrite": True}
            told.begin("InternalKVPut", asked, client=client)
            told.write("KV", f"@namespace_g:p{number % 40}", "v").end(reply={"added": number < 40})
        if number % 500 == 499:
            told.restart()
    return told


def test_ten_thousand_events_are_judged_in_less_than_a_second() -> None:
    told = long_tale(5000)
    began = time.process_time()
    registry.judge_case(told.events, told.ledger)
    assert time.process_time() - began < 1.0
