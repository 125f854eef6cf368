"""The closing look of a case that had come to rest, and since when nothing stood in the way of the GCS. Pure."""

from __future__ import annotations

from harness.check.story import Life, Look, Story

_ENDS = frozenset({"answered", "refused", "lost", "caller gone"})
SETTLED_S = 2.5
"""Seconds for which a thing must have stood as it does in the closing look if it is to count as left so for ever."""


def last_rest(story: Story) -> tuple[Look, Life] | None:
    """The closing look at rest and the life of the GCS that it saw, if that was alone on a store nobody altered."""
    look = story.closing
    if look is None or not look.quiet or story.store_lost is not None:
        return None
    if not story.lives or any(one.who != "gcs" for one in story.lives):
        return None
    life = story.lives[-1]
    served = life.serving is not None and life.serving <= look.at
    return (look, life) if served and (life.ended is None or life.ended > look.at) else None


def calm_since(story: Story, look: Look, life: Life) -> float:
    """From when on nothing was broken, paused or made to deviate before ``look``; infinity: something still is."""
    found = life.serving if life.serving is not None else float("inf")
    for fault in story.faults:
        if fault.at <= look.at:
            found = max(found, fault.healed if fault.healed is not None else float("inf"))
    for kind in ("gcs", "store", "raylet"):
        found = max([found, *(one.at for one in story.of(kind) if one.at <= look.at)])
    orders = (one for one in story.of("order") if one.at <= look.at)
    # That an order came to an end is written where it did not simply end at once.
    bent = (one.at for one in orders if one.facts.get("script") or one.facts.get("outcome") in _ENDS)
    return max([found, *bent])
