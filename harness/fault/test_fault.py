"""Faults in the history: before anything breaks, and once all is healed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.fault import KillStore, PauseStore, WipeStore, injected
from harness.history.event import Event
from harness.history.log import HISTORY, events
from harness.history.recorder import Recorder
from harness.store.base import StoreSettings


@dataclass
class Store:
    """Notes what is done to it, and when in the history that was."""

    directory: Path
    persistence: str = "none"
    settings: StoreSettings = field(default_factory=lambda: StoreSettings("redis", "127.0.0.1", 1))
    done: list[tuple[str, int]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return lambda: self.done.append((name, len(events(self.directory / HISTORY))))


@dataclass
class Place:
    """What a fault of the store needs of a cluster."""

    store: Any
    recorder: Recorder
    unhealed: list[str] = field(default_factory=list)
    proxy: None = None


@pytest.fixture
def place(tmp_path: Path) -> Any:
    return Place(Store(tmp_path), Recorder(tmp_path, "case"))


def told(place: Any) -> list[tuple[str, str]]:
    return [(one.kind, one.facts.get("phase", one.what)) for one in _events(place)]


def _events(place: Any) -> list[Event]:
    return events(place.recorder.directory / HISTORY)


def test_a_fault_is_told_before_it_strikes_and_after_it_is_healed(place: Any) -> None:
    with injected(place, PauseStore()) as injection:
        assert place.unhealed == [PauseStore().name]
    assert not place.unhealed
    assert told(place) == [
        ("fault", "inject"),
        ("store", "paused"),
        ("store", "resumed"),
        ("fault", "healed"),
    ]
    assert place.store.done == [("pause", 1), ("resume", 3)]
    first, *_, last = _events(place)
    assert first.what == last.what == PauseStore().name
    assert first.facts["store"] == "127.0.0.1:1"
    assert injection.healed is not None
    assert first.at == pytest.approx(injection.at)
    assert last.at == pytest.approx(injection.healed)


def test_a_fault_that_cannot_be_healed_lasts(place: Any) -> None:
    class Stubborn(PauseStore):
        def heal(self, cluster: Any) -> None:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError), injected(place, Stubborn()):
        pass
    assert place.unhealed
    assert told(place) == [("fault", "inject"), ("store", "paused")]


@pytest.mark.parametrize(("persistence", "lost"), [("none", True), ("rdb", True), ("aof", False)])
def test_a_killed_store_that_keeps_no_log_has_lost_rows(place: Any, persistence: str, lost: bool) -> None:
    place.store.persistence = persistence
    with injected(place, KillStore()):
        pass
    assert told(place) == [
        ("fault", "inject"),
        *([("store", "lost")] if lost else []),
        ("store", "killed"),
        ("store", "restarted"),
        ("fault", "healed"),
    ]


def test_a_wiped_store_says_so_before_it_is(place: Any) -> None:
    with injected(place, WipeStore()):
        pass
    assert told(place) == [("fault", "inject"), ("store", "wiped"), ("fault", "healed")]
    assert place.store.done == [("wipe", 2)]
