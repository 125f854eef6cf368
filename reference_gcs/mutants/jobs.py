"""The ends of jobs: forgotten, undone, and what ends with them."""

from __future__ import annotations

from typing import Any

from reference_gcs.core import actor_death, jobs, recovery_actors
from reference_gcs.core.happenings import JobFinished
from reference_gcs.core.state import Gcs
from reference_gcs.mutants.registry import SCENARIO, Original, mutant

ACTORS = "test_actors.py::"


@mutant(
    jobs.add_job,
    breaks="D9 I5",
    seen_by=(SCENARIO,),
    cases=["test_durability.py::test_a_late_repeat_of_its_addition_does_not_bring_a_finished_job_back"],
)
def brings_a_finished_job_back(add: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Stores a job anew, and as alive, whenever it is added again."""
    gcs.jobs.rows.pop(request.data.job_id, None)
    add(gcs, call, request)


@mutant(
    recovery_actors._loadable,
    breaks="A6",
    seen_by=(SCENARIO,),
    cases=["test_torn_store.py::test_a_job_whose_end_was_stored_and_nothing_after_it_is_cleared_up"],
)
def loads_the_actors_of_finished_jobs(_loadable: Original, _gcs: Gcs, _spec: Any, _rows: Any) -> bool:
    """Takes every actor for one that still has a job."""
    return True


@mutant(
    actor_death._job_finished,
    breaks="A6",
    seen_by=("nothing left over", SCENARIO),
    cases=[ACTORS + "test_an_owned_actor_dies_with_its_job_though_its_owner_lives"],
)
def leaves_actors_to_their_owners(_finished: Original, _gcs: Gcs, _happening: JobFinished) -> None:
    """Does not end the actors of a finished job: their owners are to die first."""


@mutant(
    actor_death._job_finished,
    breaks="A7",
    seen_by=("survival", "nothing unasked", SCENARIO),
    cases=[ACTORS + "test_at_its_jobs_end_an_owned_actor_dies_and_a_detached_one_lives"],
)
def ends_detached_actors_with_their_job(_finished: Original, gcs: Gcs, finished: JobFinished) -> None:
    """Ends all actors of a finished job, the detached ones, too."""
    for actor in list(gcs.actors.live.values()):
        if actor.row.job_id == finished.job_id:
            actor_death.end_with_job(gcs, actor)
