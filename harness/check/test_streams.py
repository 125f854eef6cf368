"""A stream that ends, echoes or stays silent for no reason is told; where something explains it, it is not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.ruling import Finding
from harness.check.streams import NAME, streams
from harness.check.tale import Tale, tale

NODE, OTHER, THIRD = "0a" * 28, "0b" * 28, "0c" * 28
ALIVE = {"state": "ALIVE"}
VIEW = {"nodes": {NODE: ALIVE, OTHER: ALIVE}}
BOOKS = {NODE: {"state": "connected"}, OTHER: {"state": "connected"}}
ECHO = "a node was sent its own view"
REFUSED = "the newest stream of a living node was ended"
UNTOLD = "a node was not told of another's view"


def sync(
    told: Tale, what: str, node: str = NODE, stream: int | str = 1, at: float | None = None, **facts: Any
) -> Tale:
    return told.event("sync", what, {"stream": stream, **facts}, node, at)


def both(told: Tale | None = None) -> Tale:
    """Two nodes open their streams, at 1.0 and 2.0 of a new tale."""
    return sync(sync(told or tale(), "open"), "open", OTHER)


def closed(told: Tale, at: float | None = None) -> Tale:
    """The one stream of the first node ends."""
    return sync(told, "closed", at=at)


def heard(told: Tale) -> Tale:
    return sync(sync(told, "view", NODE, of=[OTHER]), "view", OTHER, of=[NODE])


def half(told: Tale) -> Tale:
    """Only the second node hears of the first."""
    return sync(told, "view", OTHER, of=[NODE])


def looked(told: Tale, at: float = 60.0, **more: Any) -> Tale:
    return told.look("closing", **{"view": VIEW, "books": BOOKS, **more}, at=at)


def away(told: Tale) -> Tale:
    """The first node is out of reach from 3.0 to 4.0."""
    return told.event("raylet", "disconnected", {}, NODE).event("raylet", "reachable", {}, NODE)


def noted(told: Tale, channel: str, state: str, key: str = NODE, **more: Any) -> Tale:
    return told.message(channel, key, {"state": state}, **more)


BROKEN = {
    "an echo": (sync(both(), "view", of=[NODE]), ECHO),
    "an echo among others": (sync(both(), "view", of=[OTHER, NODE]), ECHO),
    "a stream is refused": (sync(sync(both(), "open", stream=2), "closed", stream=2), REFUSED),
    "one that was opened before the other's": (closed(both()), REFUSED),
    "after that of a stranger": (closed(sync(both(), "closed", THIRD)), REFUSED),
    "after an older one": (
        sync(sync(sync(both(), "open", stream=2), "closed", stream=1), "closed", stream=2),
        REFUSED,
    ),
    "long after a GCS ended": (closed(both().restart(at=3.0), at=4.5), REFUSED),
    "before a GCS ends": (closed(both(), at=3.0).restart(at=3.5), REFUSED),
    "long after it was out of reach": (closed(away(both()), at=5.5), REFUSED),
    "while another is out of reach": (
        closed(both().event("raylet", "disconnected", {}, OTHER)),
        REFUSED,
    ),
    "before its raylet ends": (closed(both()).event("raylet", "killed", {}, NODE), REFUSED),
    "before it is stored as DEAD": (closed(both()).write("NODE", NODE, {"state": "DEAD"}), REFUSED),
    "before it is called DEAD": (noted(closed(both()), "GCS_NODE_INFO_CHANNEL", "DEAD"), REFUSED),
    "another is stored as DEAD": (closed(both().write("NODE", OTHER, {"state": "DEAD"})), REFUSED),
    "another is called DEAD": (closed(noted(both(), "GCS_NODE_INFO_CHANNEL", "DEAD", OTHER)), REFUSED),
    "it is stored as ALIVE": (closed(both().write("NODE", NODE, ALIVE)), REFUSED),
    "it is called ALIVE": (closed(noted(both(), "GCS_NODE_INFO_CHANNEL", "ALIVE")), REFUSED),
    "its row is deleted": (closed(both().write("NODE", NODE, None)), REFUSED),
    "an actor is stored as DEAD": (closed(both().write("ACTOR", NODE[:32], {"state": "DEAD"})), REFUSED),
    "an actor is called DEAD": (closed(noted(both(), "GCS_ACTOR_CHANNEL", "DEAD")), REFUSED),
    "one hears nothing": (looked(half(both())), UNTOLD),
    "one has heard of itself only": (
        looked(sync(half(both()), "view", NODE, of=[])),
        UNTOLD,
    ),
    "one has heard before it opened anew": (looked(sync(heard(both()), "open", stream=2)), UNTOLD),
    "one hears only after the look": (
        sync(looked(half(both())), "view", NODE, of=[OTHER], at=61.0),
        UNTOLD,
    ),
    "one whose older stream ended": (
        looked(sync(sync(half(both()), "open", stream=2), "closed", stream=1)),
        UNTOLD,
    ),
    "one whose stream ends after the look": (
        closed(looked(half(both())).event("raylet", "killed", {}, NODE), at=70.0),
        UNTOLD,
    ),
    "for a reason that the GCS gives": (sync(both(), "closed", grpc="PERMISSION_DENIED"), REFUSED),
    "in order": (sync(both(), "closed", grpc="OK"), REFUSED),
    "one hears nothing, and another's stream came and went before": (
        looked(
            half(
                both(
                    sync(
                        sync(tale(), "open", stream="x", foreign=True), "closed", stream="x", grpc="CANCELLED"
                    )
                )
            )
        ),
        UNTOLD,
    ),
    "since a GCS that serves again": (looked(half(both(tale().restart()))), UNTOLD),
}
FINE = {
    "all hear of all": looked(heard(both())),
    "views come together": looked(
        sync(sync(half(both()), "view", of=[THIRD]), "view", of=[OTHER])
    ),
    "the older of two streams ends": sync(sync(both(), "open", stream=2), "closed", stream=1),
    "a stream that was opened before the record ends": closed(tale()),
    "a stream ends with its GCS": closed(both().event("gcs", "killed", {"life": 0}, "gcs"), at=3.9),
    "a raylet is cut off": closed(both().event("raylet", "disconnected", {}, NODE)),
    "a raylet that just was out of reach": closed(away(both()), at=4.9),
    "a raylet ends": closed(both().event("raylet", "killed", {}, NODE), at=9.0),
    "a node that is stored as DEAD": closed(both().write("NODE", NODE, {"state": "DEAD"}), at=9.0),
    "a node that is stored as DEAD twice": closed(
        both().write("NODE", NODE, {"state": "DEAD"}).write("NODE", NODE, {"state": "DEAD"}, at=9.0), at=5.0
    ),
    "a node that is called DEAD": closed(noted(both(), "GCS_NODE_INFO_CHANNEL", "DEAD"), at=9.0),
    "a node that is called DEAD twice": closed(
        noted(noted(both(), "GCS_NODE_INFO_CHANNEL", "DEAD"), "GCS_NODE_INFO_CHANNEL", "DEAD", at=9.0), at=5.0
    ),
    "a node that is stored as DEAD, and called so later": closed(
        noted(both().write("NODE", NODE, {"state": "DEAD"}), "GCS_NODE_INFO_CHANNEL", "DEAD", at=9.0), at=5.0
    ),
    "views of streams that the record does not know": looked(
        sync(sync(tale(), "view", of=[OTHER]), "open", OTHER)
    ),
    "no stream any more": sync(looked(closed(half(both()).event("raylet", "paused", {}, NODE))), "open", THIRD),
    "a stream that was opened just now": looked(both(), at=4.0),
    "a stream that is older than the GCS": looked(both().restart()),
    "a node that is DEAD": looked(half(both()), view={"nodes": {NODE: {"state": "DEAD"}, OTHER: ALIVE}}),
    "a node that is unknown": looked(half(both()), view={"nodes": {OTHER: ALIVE}}),
    "no node that is known": looked(half(both()), view={}),
    "a raylet that is cut off in the end": looked(
        half(both()), books={NODE: {"state": "disconnected"}, OTHER: {"state": "connected"}}
    ),
    "a raylet that keeps no books": looked(half(both()), books={OTHER: {"state": "connected"}}),
    "no rest": looked(half(both()), quiet=False),
    "a stream whose connection broke": sync(both(), "closed", grpc="UNAVAILABLE"),
    "a node that is stored as DEAD at once": closed(both(), at=3.0).write("NODE", NODE, {"state": "DEAD"}, at=3.4),
    "another's stream in its name takes over": closed(sync(both(), "open", stream="second", foreign=True)),
    "a stream of which nobody knows what comes by it": looked(
        sync(half(both()), "open", stream="second", foreign=True)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_stream_that_nothing_explains_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert [one.signature for one in streams(told.story()).violations] == [signature]


@pytest.mark.parametrize("name", FINE)
def test_a_stream_that_something_explains_is_fine(name: str) -> None:
    assert streams(FINE[name].story()).violations == ()


def test_what_proves_it_is_told() -> None:
    [echo] = streams(BROKEN["an echo"][0].story()).violations
    assert (echo.detail, echo.events) == (f"node {NODE} at 3.000000", ("e6",))
    [refused] = streams(BROKEN["a stream is refused"][0].story()).violations
    assert refused.detail == f"node {NODE}: opened at 3.000000, ended at 4.000000"
    assert refused.events == ("e6", "e7")
    [untold] = streams(BROKEN["one hears nothing"][0].story()).violations
    assert untold.detail == f"node {NODE}, which opened its stream at 1.000000, of node {OTHER}"
    assert untold.events == ("e4", "e5", "e7")


def test_each_stream_is_judged() -> None:
    ruling = streams(FINE["views come together"].story())
    assert (ruling.check, ruling.finding, ruling.judged) == (NAME, Finding.HELD, 2)
    every = streams(looked(both()).story()).violations
    assert [one.detail[-56:] for one in every] == [OTHER, NODE]


def test_without_frames_or_with_a_rival_nothing_is_judged() -> None:
    for told in (tale().restart(), closed(both()).event("gcs", "started", {"life": 0}, "rival")):
        ruling = streams(told.story())
        assert ruling.idle
        assert ruling.check == NAME
