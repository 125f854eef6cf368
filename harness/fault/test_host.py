"""Faults of hosts: what they ask of backend and store, and what the history says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import Unsupported
from harness.fault import (
    CutLink,
    DisconnectGcs,
    DisconnectRaylet,
    DisconnectStore,
    ReplaceGcs,
    ReplaceStore,
    RestartGcs,
    SkewClock,
    StarveGcs,
    injected,
)
from harness.fault.base import Fault
from harness.history.event import Event
from harness.history.log import HISTORY, events
from harness.history.recorder import Recorder
from harness.store.base import StoreSettings
from harness.target.base import Launch
from harness.target.life import Life

REDIS = StoreSettings("redis", "10.0.0.9", 6379)


class Noting:
    """Notes the calls of its methods, with their arguments, among those of the others of a place."""

    def __init__(self, name: str, deeds: list[str], **answers: Any) -> None:
        self._name, self._deeds, self._answers = name, deeds, answers

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def noted(*arguments: Any, **named: Any) -> Any:
            told = ", ".join([*map(str, arguments), *(f"{key}={value}" for key, value in named.items())])
            self._deeds.append(f"{self._name}.{name}({told})")
            return self._answers.get(name)

        return noted


class Store(Noting):
    persistence, settings = "aof", REDIS

    def __init__(self, deeds: list[str]) -> None:
        super().__init__("store", deeds)

    def disconnect(self) -> None:
        self._deeds.append("store.disconnect()")

    def connect(self) -> None:
        self._deeds.append("store.connect()")

    def discard(self, keep_data: bool) -> None:
        self._deeds.append(f"store.discard({keep_data})")


class Gcs:
    """A process that lives until it is killed, or starves when it has little memory."""

    running, pid, address = "the gcs", 7, "10.0.0.2:6379"

    def __init__(self, deeds: list[str], directory: Path) -> None:
        self.launch = Launch("10.0.0.2", 6379, REDIS, "ns", "s", directory, env={"MINE": "kept"})
        self.lives = [Life(0, self.pid, self.address, directory, 0.0)]
        self.ended = False
        self._deeds = deeds

    @property
    def alive(self) -> bool:
        return not self.ended and not self.launch.memory

    def stop(self) -> None:
        self.ended = True
        self._deeds.append("gcs.stop()")


@dataclass
class Place:
    """What the faults use of a cluster."""

    directory: Path
    out_of_memory: bool = True
    deeds: list[str] = field(default_factory=list)
    unhealed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.directory, "case")
        answers = {"clock": {"FAKETIME": "+1h"}, "out_of_memory": self.out_of_memory}
        self.backend = Noting("backend", self.deeds, **answers)
        self.store: Any = Store(self.deeds)
        self.gcs = Gcs(self.deeds, self.directory)
        self.raylets = [Raylet(self.recorder)]

    def host_of(self, raylet: Any) -> Any:
        return raylet

    def client_of(self, gcs: Any) -> Any:
        return self

    def begin(self, method: str, request: Any, within: float | None) -> Any:
        self.deeds.append(f"{method} of {len(request.value) >> 20} MiB")
        return self

    def done(self) -> bool:
        return True

    def kill_gcs(self) -> None:
        self.gcs.ended = True
        self.deeds.append("kill")

    def revive_gcs(self) -> None:
        self.gcs.ended = False
        self.deeds.append(f"start with {dict(self.gcs.launch.env)}, memory {self.gcs.launch.memory!r}")

    def move_gcs(self, tell: bool) -> None:
        self.gcs.ended = False
        self.deeds.append(f"move, tell {tell}")

    def cut_link(self, direction: str) -> None:
        self.deeds.append(f"cut {direction}")

    def mend_link(self) -> None:
        self.deeds.append("mend")


@dataclass
class Raylet:
    recorder: Recorder
    node_id: bytes = b"node"
    running: str = "the raylet"

    def workers(self) -> list[Any]:
        return []

    def tell(self, what: str, why: str) -> None:
        self.recorder.write("raylet", what, {"why": why}, self.node_id.hex())


@pytest.fixture
def place(tmp_path: Path) -> Any:
    return Place(tmp_path)


def told(place: Any) -> list[str]:
    """The history, without the frame that every fault has."""
    found: list[Event] = events(place.recorder.directory / HISTORY)
    return [f"{one.kind} {one.what}" for one in found if one.kind != "fault"]


CUTS: dict[str, tuple[Fault, str, str]] = {
    "gcs": (DisconnectGcs(), "backend.disconnect(the gcs)", "backend.connect(the gcs)"),
    "raylet": (DisconnectRaylet(0), "backend.disconnect(the raylet)", "backend.connect(the raylet)"),
    "store": (DisconnectStore(), "store.disconnect()", "store.connect()"),
}


@pytest.mark.parametrize("who", CUTS)
def test_what_is_cut_off_is_brought_back_and_both_are_told(place: Any, who: str) -> None:
    fault, cut, back = CUTS[who]
    with injected(place, fault):
        assert place.deeds == [cut]
        assert told(place) == [f"{who} disconnected"]
    assert place.deeds == [cut, back]
    assert told(place)[1:] == ["raylet reachable" if who == "raylet" else f"{who} connected"]


def test_a_gcs_that_ended_while_it_was_cut_off_is_started_on_the_network(place: Any) -> None:
    with injected(place, DisconnectGcs()):
        place.gcs.ended = True
    assert place.deeds[1:] == ["backend.connect(the gcs)", "start with {'MINE': 'kept'}, memory ''"]
    assert told(place) == ["gcs disconnected"]


def test_a_link_is_cut_in_its_direction_until_it_is_healed(place: Any) -> None:
    with injected(place, CutLink("up")):
        assert place.deeds == ["cut up"]
    assert place.deeds == ["cut up", "mend"]
    assert told(place) == ["gcs partitioned", "gcs connected"]


@pytest.mark.parametrize(
    ("keep_data", "persistence", "lost"),
    [(True, "aof", False), (True, "none", True), (False, "aof", True)],
)
def test_a_replaced_store_says_whether_rows_are_lost(
    place: Any, keep_data: bool, persistence: str, lost: bool
) -> None:
    place.store.persistence = persistence
    with injected(place, ReplaceStore(keep_data=keep_data)):
        assert place.deeds == [f"store.discard({keep_data})"]
    assert place.deeds[1:] == ["store.restart()"]
    assert told(place) == [*(["store lost"] if lost else []), "store killed", "store restarted"]


def test_a_store_without_a_container_is_not_cut_off(place: Any) -> None:
    place.store = SimpleNamespace(settings=REDIS, persistence="none")
    with pytest.raises(Unsupported), injected(place, DisconnectStore()):
        pass


@pytest.mark.parametrize("keep_files", [True, False])
def test_a_restart_loses_files_only_where_it_shall(place: Any, keep_files: bool) -> None:
    with injected(place, RestartGcs(keep_files=keep_files)):
        assert place.deeds == ["gcs.stop()", *([] if keep_files else ["backend.discard(the gcs)"])]
    assert place.deeds[-1].startswith("start")


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        (ReplaceGcs(), "move, tell True"),
        (ReplaceGcs(tell=False), "move, tell False"),
        (ReplaceGcs(address="same"), "start with {'MINE': 'kept'}, memory ''"),
    ],
)
def test_a_gcs_is_replaced_where_the_fault_says(place: Any, fault: ReplaceGcs, last: str) -> None:
    with injected(place, fault):
        pass
    assert place.deeds == ["kill", "backend.discard(the gcs)", last]


@pytest.mark.parametrize("out_of_memory", [True, False])
def test_a_gcs_has_starved_only_if_the_engine_says_so(tmp_path: Path, out_of_memory: bool) -> None:
    place: Any = Place(tmp_path, out_of_memory)
    with injected(place, StarveGcs(memory="64m")):
        assert place.deeds[:3] == [
            "kill",
            "start with {'MINE': 'kept'}, memory '64m'",
            "InternalKVPut of 192 MiB",
        ]
    assert place.deeds[-2:] == ["kill", "start with {'MINE': 'kept'}, memory ''"]
    assert told(place) == (["gcs starved"] if out_of_memory else [])


def test_a_clock_is_right_again_afterwards(place: Any) -> None:
    with injected(place, SkewClock(offset="+1h")):
        assert place.deeds[-1] == "start with {'MINE': 'kept', 'FAKETIME': '+1h'}, memory ''"
    assert place.deeds[-1] == "start with {'MINE': 'kept'}, memory ''"
