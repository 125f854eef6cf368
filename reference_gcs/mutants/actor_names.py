"""Names of actors: whose they are, and when they are free."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import actor_rows, actors, recovery_actors
from reference_gcs.core.state import Gcs
from reference_gcs.mutants.registry import SCENARIO, Original, mutant

ACTORS = "test_actors.py::"
DURABLE = "test_durability.py::"
RELOAD = "test_reload.py::test_everything_is_the_same_after_a_kill"


@mutant(
    recovery_actors._take_over,
    breaks="D4",
    seen_by=("linearizable", SCENARIO),
    cases=[DURABLE + "test_acknowledged_is_durable[register_actor]", RELOAD],
)
def loses_the_name_index(take_over: Original, gcs: Gcs, row: Any, spec: Any) -> None:
    """Loads actors, but not whose name is whose."""
    take_over(gcs, row, spec)
    gcs.actors.names.pop((row.ray_namespace, row.name), None)


@mutant(
    actors._claim_name,
    breaks="I8",
    seen_by=("linearizable", "one name, one actor", SCENARIO),
    cases=["test_requests.py::test_a_name_belongs_to_one_actor"],
)
def gives_a_name_twice(_claim: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Registers an actor under a name that a living one has."""
    spec = request.task_spec
    actors._store(gcs, call, actor_rows.new_row(spec, actors._namespace_of(gcs, spec)), spec)


@mutant(
    recovery_actors.load,
    breaks="A5 D10",
    seen_by=("linearizable", SCENARIO),
    cases=[ACTORS + "test_a_dead_actor_stays_dead_and_its_name_is_free"],
)
def keeps_the_names_of_the_dead(load: Original, gcs: Gcs, rows: Any, specs: Any, barrier: int) -> None:
    """Comes back with the names of dead actors taken."""
    load(gcs, rows, specs, barrier)
    for actor_id, row in list(gcs.actors.dead.items()):
        if row.name:
            del gcs.actors.dead[actor_id]
            recovery_actors._take_over(gcs, row, m.TaskSpec())
