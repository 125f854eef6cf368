"""Actors: their lives, their restarts, and their ends."""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core import (
    actor_death,
    actor_orders,
    actor_owners,
    actor_rows,
    actor_scheduling,
    actors,
    recovery_actors,
)
from reference_gcs.core.actor import Actor, Phase
from reference_gcs.core.state import NOTHING, Gcs, Then, then
from reference_gcs.mutants.registry import SCENARIO, Original, mutant

ACTORS = "test_actors.py::"
DURABLE = "test_durability.py::"


@mutant(
    recovery_actors._resume,
    breaks="A1 D5",
    seen_by=("at most once", SCENARIO),
    cases=[ACTORS + "test_an_alive_actor_is_neither_created_again_nor_killed"],
)
def creates_living_actors_again(resume: Original, gcs: Gcs, actor: Actor) -> None:
    """Pushes the creation task of an ALIVE actor once more after a restart."""
    if actor.phase is Phase.ALIVE:
        actor.phase = Phase.CREATING
    resume(gcs, actor)


@mutant(
    recovery_actors._resume,
    breaks="A1",
    seen_by=("survival", SCENARIO),
    cases=[ACTORS + "test_an_alive_actor_is_neither_created_again_nor_killed"],
)
def kills_living_actors(resume: Original, gcs: Gcs, actor: Actor) -> None:
    """Orders the worker of each ALIVE actor to be killed after a restart, so that it starts clean."""
    resume(gcs, actor)
    if actor.phase is Phase.ALIVE:
        actor_orders.order_kill(gcs, actor, True, NOTHING)


@mutant(
    actor_scheduling._pushed,
    breaks="A11",
    seen_by=("agreement", SCENARIO),
    cases=[ACTORS + "test_what_a_constructor_raised_can_be_read_after_a_restart"],
)
def does_not_wait_for_the_exception(
    pushed: Original, gcs: Gcs, actor_id: bytes, life: int, reply: m.PushTaskReply | None
) -> None:
    """Ends an actor whose constructor raised at once, with the words of PushTask instead of the exception."""
    if reply is not None:
        reply.ClearField("worker_exiting")
    pushed(gcs, actor_id, life, reply)


@mutant(
    recovery_actors._phase_of,
    breaks="A2",
    seen_by=("at most once", "agreement", SCENARIO),
    cases=[ACTORS + "test_an_actor_in_creation_ends_with_one_worker"],
)
def leases_a_second_worker(phase_of: Original, row: m.ActorTableData) -> Phase:
    """Leases another worker for an actor that was being created, and leaves the first to itself."""
    found = phase_of(row)
    return Phase.SEEKING if found is Phase.CREATING else found


@mutant(
    recovery_actors._resume,
    breaks="A3",
    seen_by=(SCENARIO,),
    cases=[ACTORS + "test_a_restarting_actor_is_leased_again_without_being_asked_for"],
)
def leaves_restarting_actors_alone(resume: Original, gcs: Gcs, actor: Actor) -> None:
    """Does not go on with an actor that was being restarted."""
    if actor.phase is not Phase.SEEKING:
        resume(gcs, actor)


@mutant(
    recovery_actors._phase_of,
    breaks="A4",
    seen_by=(SCENARIO,),
    cases=[ACTORS + "test_a_registered_actor_waits_for_its_creation"],
)
def takes_a_registered_actor_for_one_in_leasing(phase_of: Original, row: m.ActorTableData) -> Phase:
    """Waits after a restart for a lease that it never asked for, where an actor was only registered."""
    found = phase_of(row)
    return Phase.LEASING if found is Phase.REGISTERED else found


@mutant(
    recovery_actors._resume,
    breaks="A4",
    seen_by=(SCENARIO,),
    cases=[ACTORS + "test_a_registered_actor_waits_for_its_creation"],
)
def creates_a_registered_actor_unasked(resume: Original, gcs: Gcs, actor: Actor) -> None:
    """Creates an actor half a second after a restart that was only registered."""
    resume(gcs, actor)
    if actor.phase is Phase.REGISTERED:
        gcs.after(0.5, then(_create_unasked, actor.actor_id))


def _create_unasked(gcs: Gcs, actor_id: bytes, _outcome: Any) -> None:
    actor = gcs.actors.live.get(actor_id)
    if actor is not None and actor.phase is Phase.REGISTERED:
        actor_scheduling.seek(gcs, actor)


@mutant(
    recovery_actors._take_over,
    breaks="A8",
    seen_by=("durable", "legal lives", "agreement", SCENARIO),
    cases=[ACTORS + "test_restarts_are_counted_across_restarts_of_the_gcs"],
)
def resets_the_count_of_restarts(take_over: Original, gcs: Gcs, row: Any, spec: Any) -> None:
    """Forgets at a restart how often actors were restarted."""
    row.num_restarts = 0
    take_over(gcs, row, spec)


@mutant(
    actor_rows.restarts_left,
    breaks="A8 A10",
    seen_by=("at most once", SCENARIO),
    cases=[ACTORS + "test_a_worker_that_died_in_the_outage_restarts_or_ends_its_actor[without]"],
)
def restarts_without_a_budget(_left: Original, _row: m.ActorTableData) -> bool:
    """Restarts actors that may not be restarted."""
    return True


@mutant(
    actor_death._worker_gone,
    breaks="A10",
    seen_by=("durable", "agreement", SCENARIO),
    cases=[ACTORS + "test_a_worker_that_died_in_the_outage_restarts_or_ends_its_actor[with budget]"],
)
def ignores_the_death_of_workers(_gone: Original, _gcs: Gcs, _happening: Any) -> None:
    """Leaves an actor ALIVE whose worker was reported dead."""


@mutant(
    actor_owners._polled,
    breaks="A9",
    seen_by=("nothing unasked", SCENARIO),
    cases=[ACTORS + "test_an_owner_unreachable_for_a_moment_does_not_lose_its_actors"],
)
def takes_a_silent_owner_for_dead(polled: Original, gcs: Gcs, actor_id: bytes, reply: Any) -> None:
    """Ends an actor as soon as its owner cannot be reached."""
    actor = actor_owners._watched(gcs, actor_id)
    if reply is None and actor is not None:
        actor.owner_poll = None
        actor_owners._end(gcs, actor, NOTHING)
    else:
        polled(gcs, actor_id, reply)


@mutant(
    actors.create_actor,
    breaks="I2 I5 A2",
    seen_by=("legal lives", "at most once", "agreement", SCENARIO),
    cases=[ACTORS + "test_creating_an_alive_actor_again_gives_the_same_address"],
)
def creates_again_when_asked_again(create: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Leases another worker when CreateActor is repeated for an actor that is ALIVE."""
    actor = gcs.actors.live.get(request.task_spec.actor_creation_task_spec.actor_id)
    if actor is not None and actor.phase is Phase.ALIVE:
        actor.new_life()
        actor.create_calls.append(call)
        actor.row.state = m.ActorTableData.PENDING_CREATION
        actor_scheduling.seek(gcs, actor)
    else:
        create(gcs, call, request)


@mutant(
    actors.register_actor,
    breaks="I1 D13",
    seen_by=("durable", SCENARIO),
    cases=[DURABLE + "test_asked_again_before_its_answer_both_are_answered_and_it_happens_once[register_actor]"],
)  # fmt: skip
def answers_a_stalled_retry_at_once(register: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Answers a repeated RegisterActor while the first is not stored yet."""
    actor = gcs.actors.live.get(request.task_spec.actor_creation_task_spec.actor_id)
    if actor is not None and actor.phase is Phase.REGISTERING:
        gcs.reply(call, m.RegisterActorReply())
    else:
        register(gcs, call, request)


@mutant(
    actor_orders.order_kill,
    breaks="D10 A2 P2",
    seen_by=("agreement", SCENARIO),
    cases=[ACTORS + "test_an_actor_that_lived_through_a_restart_can_still_be_ended[a kill]"],
)
def leaks_the_workers_of_the_dead(
    _order: Original, gcs: Gcs, _actor: Actor, _force: bool, told: Then
) -> None:
    """Stores an actor's death, and never tells its worker."""
    told.run(gcs, None)


@mutant(
    recovery_actors._loadable,
    breaks="A7",
    seen_by=(SCENARIO,),
    cases=[ACTORS + "test_a_detached_actors_child_is_loaded_too"],
)
def forgets_the_children_of_detached_actors(loadable: Original, gcs: Gcs, spec: Any, rows: Any) -> bool:
    """Loads a detached actor after its job's end, but not what it created (ray#45791)."""
    creation, root = spec.actor_creation_task_spec, spec.root_detached_actor_id
    child = not ids.is_nil(root) and root != creation.actor_id
    return False if child else bool(loadable(gcs, spec, rows))


@mutant(
    actors._registered,
    breaks="A5 I1",
    seen_by=(SCENARIO,),
    cases=[DURABLE + "test_asked_again_before_its_answer_both_are_answered_and_it_happens_once[register_actor]"],
)  # fmt: skip
def answers_only_the_first_of_two(registered: Original, gcs: Gcs, actor_id: bytes, outcome: Any) -> None:
    """Leaves all but the first of several RegisterActor calls for one actor without an answer."""
    del gcs.actors.live[actor_id].register_calls[1:]
    registered(gcs, actor_id, outcome)
