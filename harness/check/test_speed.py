"""A long history is judged in a moment, so that every scenario and crash point can be."""

from __future__ import annotations

import time

from harness.check.durable import durable
from harness.check.job_ids import unique_job_ids
from harness.check.lives import lives
from harness.check.naming import one_name
from harness.check.once_only import at_most_once
from harness.check.story import Story
from harness.check.tale import tale

CHECKS = (durable, lives, at_most_once, one_name, unique_job_ids)
LIMIT_SECONDS = 2.5
"""Of processor time; five times what all five together may take."""


def long_story(rounds: int) -> Story:
    """``rounds`` of eleven events each: a hot key, a new actor, its reading and a message about it."""
    told = tale()
    for number in range(rounds):
        actor = f"{number:024x}01000000"
        spec = {"actor_id": actor, "name": f"n{number}", "ray_namespace": "ns"}
        row = {"actor_id": actor, "state": "ALIVE", "name": f"n{number}", "ray_namespace": "ns"}
        put = {"key": b"hot".hex(), "value": str(number).encode().hex()}
        told.begin("InternalKVPut", {**put, "overwrite": True})
        told.write("KV", "hot", bytes.fromhex(put["value"]).decode()).end("", {})
        told.begin("RegisterActor", {"task_spec": {"actor_creation_task_spec": spec}})
        told.write("ACTOR_TASK_SPEC", actor, {}).write("ACTOR", actor, row).end()
        told.begin("GetNextJobID").write("JobCounter", "", number + 1).end("", {"job_id": number + 1})
        told.call("GetActorInfo", {"actor_id": actor}, {"actor_table_data": row})
        told.message("GCS_ACTOR_CHANNEL", actor, row)
        told.event("worker", "actor", {"worker": actor, "pid": 1, "actor": actor}, "0a" * 28)
        told.event("note", "round")
        if number % 100 == 99:
            told.restart().look(view={"kv": {}}, quiet=False)
    return told.story()


def test_ten_thousand_events_are_judged_in_a_moment() -> None:
    story = long_story(910)
    assert len(story.events) > 10_000
    assert len(story.calls) and len(story.writes)
    began = time.process_time()
    judged = sum(check(story).judged for check in CHECKS)
    took = time.process_time() - began
    assert judged > 10_000
    assert took < LIMIT_SECONDS, f"{took:.2f} s of processor time"
