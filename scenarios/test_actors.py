"""Promises 2 and 3 for actors, state by state: where a kill finds them, and where the restart leaves them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.cluster import Cluster
from harness.cluster.control_plane import PATIENT_HEALTH
from harness.driver.client import Refused
from harness.driver.driver import Driver
from harness.fault import KillActorProcess, KillGcs
from harness.wait import never, until
from harness.wire import messages as m

pytestmark = pytest.mark.promise("2", "3")

ALIVE, DEAD, RESTARTING = m.ActorTableData.ALIVE, m.ActorTableData.DEAD, m.ActorTableData.RESTARTING


@pytest.mark.clause("A1", "D5")
def test_an_alive_actor_is_neither_created_again_nor_killed(cluster: Cluster) -> None:
    actor = cluster.driver.create_actor(name="keeper", detached=True, max_restarts=-1)
    before = cluster.pulse(actor)
    since = cluster.now()
    cluster.cycle()
    cluster.settled()
    after = cluster.pulse(actor)
    assert (after.pid, after.incarnation, after.value) == (before.pid, 1, before.value + 1)
    for method in ("PushTask", "KillActor", "KillLocalActor"):
        assert not cluster.orders(since, method), f"{method} reached an actor that was alive"


@pytest.mark.clause("A2")
def test_an_actor_in_creation_ends_with_one_worker(cluster: Cluster) -> None:
    spec = cluster.driver.actor_spec(name="half-made", max_restarts=3)
    cluster.driver.register_actor(spec)
    cluster.script("PushTask", "hold")
    pending = cluster.driver.begin(cluster.driver.instantiate_actor, spec)
    until("the creation task arrives", lambda: cluster.orders(method="PushTask"), within=5)
    with cluster.broken(KillGcs()):
        cluster.release("PushTask")
    assert pending.result(15).actor_address.worker_id == cluster.workers_of(spec.actor_id)[0].worker_id
    assert len(cluster.workers_of(spec.actor_id)) == 1, "two living workers for one actor"
    assert cluster.driver.actor(spec.actor_id).state == ALIVE


@pytest.mark.clause("A2", "D10")
@pytest.mark.parametrize("ended_by", ["a kill", "its owner's death", "its job's end", "a dropped ref"])
def test_an_actor_whose_creation_was_resumed_can_still_be_ended(cluster: Cluster, ended_by: str) -> None:
    """ray#63763: after a restart the GCS no longer knew where to send the order, and the worker leaked."""
    owner = cluster.add_driver()
    spec = owner.actor_spec(name="half-made")
    owner.register_actor(spec)
    cluster.script("PushTask", "hold")
    pending = owner.begin(owner.instantiate_actor, spec)
    until("the creation task arrives", lambda: cluster.orders(method="PushTask"), within=5)
    with cluster.broken(KillGcs()):
        cluster.release("PushTask")
    pending.result(15)
    _end(owner, spec.actor_id, ended_by)
    until("it is dead", lambda: cluster.driver.actor(spec.actor_id).state == DEAD, within=10)
    until("its worker ends", lambda: not cluster.workers_of(spec.actor_id), within=5)


@pytest.mark.clause("A1", "D10")
@pytest.mark.parametrize("ended_by", ["a kill", "its owner's death", "its job's end", "a dropped ref"])
def test_an_actor_that_lived_through_a_restart_can_still_be_ended(cluster: Cluster, ended_by: str) -> None:
    owner = cluster.add_driver()
    actor = owner.create_actor(name="restored")
    cluster.cycle()
    cluster.settled()
    _end(owner, actor, ended_by)
    until("it is dead", lambda: cluster.driver.actor(actor).state == DEAD, within=10)
    until("its worker ends", lambda: not cluster.workers_of(actor), within=5)


@pytest.mark.clause("A4", "L3")
def test_an_actor_in_leasing_completes_when_it_is_asked_for_again(cluster: Cluster) -> None:
    spec = cluster.driver.actor_spec(name="leasing")
    cluster.driver.register_actor(spec)
    cluster.script("RequestWorkerLease", "hold")
    pending = cluster.driver.begin(cluster.driver.instantiate_actor, spec)
    until("a lease is asked for", lambda: cluster.orders(method="RequestWorkerLease"), within=5)
    with cluster.broken(KillGcs()):
        cluster.release("RequestWorkerLease")
    pending.result(15)
    assert len(cluster.workers_of(spec.actor_id)) == 1
    assert cluster.driver.actor(spec.actor_id).state == ALIVE


@pytest.mark.clause("A4")
def test_a_registered_actor_waits_for_its_creation(cluster: Cluster) -> None:
    spec = cluster.driver.actor_spec(name="registered")
    cluster.driver.register_actor(spec)
    cluster.cycle()
    registered = m.ActorTableData.DEPENDENCIES_UNREADY
    never(
        "it is created unasked",
        lambda: cluster.driver.actor(spec.actor_id).state != registered,
        during=0.7,
    )
    cluster.driver.instantiate_actor(spec)
    assert cluster.pulse(spec.actor_id).incarnation == 1


@pytest.mark.clause("A3")
def test_a_restarting_actor_is_leased_again_without_being_asked_for(cluster: Cluster) -> None:
    actor = cluster.driver.create_actor(name="phoenix", max_restarts=2)
    cluster.script("RequestWorkerLease", "hold")
    cluster.kill_actor_process(actor)
    until("it is restarting", lambda: cluster.driver.actor(actor).state == RESTARTING, within=10)
    with cluster.broken(KillGcs()):
        cluster.release("RequestWorkerLease")
    until("it is back", lambda: cluster.driver.actor(actor).state == ALIVE, within=15)
    assert len(cluster.workers_of(actor)) == 1
    assert cluster.driver.actor(actor).num_restarts == 1


@pytest.mark.clause("A5", "D10")
def test_a_dead_actor_stays_dead_and_its_name_is_free(cluster: Cluster) -> None:
    actor = cluster.driver.create_actor(name="short-lived", detached=True)
    cluster.driver.kill_actor(actor)
    cluster.cycle()
    assert cluster.driver.actor(actor).state == DEAD
    with pytest.raises(Refused):
        cluster.driver.actor_named("short-lived")
    successor = cluster.driver.create_actor(name="short-lived", detached=True)
    cluster.cycle()
    assert cluster.driver.actor_named("short-lived").actor_id == successor
    assert not cluster.workers_of(actor)


@pytest.mark.clause("D10")
@pytest.mark.behaviour("T7")
def test_an_actor_killed_during_the_outage_is_dead_after_it(cluster: Cluster) -> None:
    actor = cluster.driver.create_actor(name="doomed", detached=True, max_restarts=-1)
    with cluster.broken(KillGcs()):
        kill = cluster.driver.begin(cluster.driver.kill_actor, actor)
    kill.result(15)
    until("its worker ends", lambda: not cluster.workers_of(actor), within=5)
    cluster.cycle()
    assert cluster.driver.actor(actor).state == DEAD


@pytest.mark.clause("A6", "A7", "D9")
def test_at_its_jobs_end_an_owned_actor_dies_and_a_detached_one_lives(cluster: Cluster) -> None:
    other = cluster.add_driver()
    owned = other.create_actor(name="owned")
    detached = other.create_actor(name="detached", detached=True, max_restarts=1)
    with cluster.broken(KillGcs()):
        finish = other.begin(other.finish_job)
        other.die()
    finish.result(15)
    until("the owned one dies", lambda: cluster.driver.actor(owned).state == DEAD, within=10)
    until("its worker ends", lambda: not cluster.workers_of(owned), within=5)
    cluster.cycle()
    assert cluster.driver.actor(owned).state == DEAD
    assert cluster.driver.actor(detached).state == ALIVE
    assert cluster.pulse(detached).incarnation == 1
    cluster.kill_actor_process(detached)
    until("the detached one restarts", lambda: cluster.driver.actor(detached).num_restarts == 1, within=10)


@pytest.mark.clause("A6")
def test_an_owned_actor_dies_with_its_job_though_its_owner_lives(cluster: Cluster) -> None:
    other = cluster.add_driver()
    owned = other.create_actor(name="owned")
    other.finish_job()
    until("it is dead", lambda: cluster.driver.actor(owned).state == DEAD, within=10)
    until("its worker ends", lambda: not cluster.workers_of(owned), within=10)


@pytest.mark.clause("A6")
def test_an_owned_actor_of_a_finished_job_is_dead_after_a_restart(cluster: Cluster) -> None:
    other = cluster.add_driver()
    owned = other.create_actor(name="owned")
    other.finish_job()
    cluster.cycle()
    until("it is dead", lambda: cluster.driver.actor(owned).state == DEAD, within=10)
    until("its worker ends", lambda: not cluster.workers_of(owned), within=10)


@pytest.mark.clause("A8")
def test_restarts_are_counted_across_restarts_of_the_gcs(cluster: Cluster) -> None:
    actor = cluster.driver.create_actor(name="phoenix", max_restarts=2)
    for count in (1, 2):
        cluster.kill_actor_process(actor)
        until("it restarts", lambda: _restarted(cluster, actor, count), within=15)
        cluster.cycle()
        assert cluster.driver.actor(actor).num_restarts == count
        assert cluster.pulse(actor).incarnation == count + 1
    cluster.kill_actor_process(actor)
    until("its budget is spent", lambda: cluster.driver.actor(actor).state == DEAD, within=15)


@pytest.mark.clause("A9")
def test_an_owner_unreachable_for_a_moment_does_not_lose_its_actors(start: Callable[..., Cluster]) -> None:
    cluster = start(config=PATIENT_HEALTH)
    driver = cluster.driver
    actor, owner = driver.create_actor(name="owned"), driver.owner
    cluster.kill_gcs()
    cluster.head.detach_driver(owner.worker_id, report=False)  # its port refuses; nobody says that it died
    since = cluster.now()
    cluster.revive_gcs()
    never("declared dead at once", lambda: driver.actor(actor).state != ALIVE, during=0.5)
    cluster.head.attach_driver(owner.worker_id, port=owner.port)
    until("the GCS asks the owner again", lambda: cluster.orders(since, "WaitForActorRefDeleted"), within=10)
    never("declared dead later", lambda: driver.actor(actor).state != ALIVE, during=2.5)
    cluster.head.drop_ref(actor, owner.worker_id)
    until("the owner can still let go", lambda: driver.actor(actor).state == DEAD, within=10)


@pytest.mark.clause("A10")
@pytest.mark.behaviour("T8")
@pytest.mark.parametrize(("budget", "ends"), [(1, ALIVE), (0, DEAD)], ids=["with budget", "without"])
def test_a_worker_that_died_in_the_outage_restarts_or_ends_its_actor(
    cluster: Cluster, budget: int, ends: int
) -> None:
    actor = cluster.driver.create_actor(name="struck", max_restarts=budget)
    with cluster.broken(KillGcs()), cluster.broken(KillActorProcess(actor)):
        pass  # both at once
    until("it ends as its budget says", lambda: _at(cluster, actor, ends, budget), within=15)
    assert len(cluster.workers_of(actor)) == budget


@pytest.mark.clause("A7")
@pytest.mark.parametrize("detached", [True, False], ids=["detached", "owned"])
def test_an_owner_that_died_in_the_outage(start: Callable[..., Cluster], detached: bool) -> None:
    cluster = start()
    other = cluster.add_driver()
    actor = other.create_actor(name="orphan", detached=detached)
    with cluster.broken(KillGcs()):
        other.die()
    if detached:
        cluster.settled()
        assert cluster.driver.actor(actor).state == ALIVE
        assert len(cluster.workers_of(actor)) == 1
    else:
        until("the orphan is dead", lambda: cluster.driver.actor(actor).state == DEAD, within=15)
        until("its worker ends", lambda: not cluster.workers_of(actor), within=5)


@pytest.mark.clause("A1", "A7")
def test_a_detached_actors_child_is_loaded_too(cluster: Cluster) -> None:
    """ray#45791: the child of a detached actor was forgotten, and leaked."""
    other = cluster.add_driver()
    parent = other.create_actor(name="parent", detached=True)
    child = other.create_child_actor(parent, name="child")
    other.finish_job()
    other.die()
    cluster.cycle()
    cluster.settled()
    assert cluster.driver.actor(child).state == ALIVE
    assert len(cluster.workers_of(child)) == 1
    cluster.driver.kill_actor(child)
    until("it can still be killed", lambda: not cluster.workers_of(child), within=5)


@pytest.mark.clause("A11", "A5")
@pytest.mark.parametrize("budget", [0, 2], ids=["without budget", "with budget"])
def test_what_a_constructor_raised_can_be_read_after_a_restart(cluster: Cluster, budget: int) -> None:
    """PushTask's answer has its words only; the report of the worker's end has the exception itself."""
    cluster.script("PushTask", "refuse")
    spec = cluster.driver.actor_spec(name="stillborn", max_restarts=budget)
    cluster.driver.register_actor(spec)
    with pytest.raises(Refused, match="constructor raised"):
        cluster.driver.instantiate_actor(spec)
    cluster.release("PushTask")
    until("its end is reported", lambda: cluster.driver.actor(spec.actor_id).state == DEAD, within=10)
    before = cluster.driver.actor(spec.actor_id)
    cluster.cycle()
    for row in (before, cluster.driver.actor(spec.actor_id)):
        assert row.state == DEAD and row.num_restarts == 0
        assert b"constructor raised" in row.death_cause.creation_task_failure_context.serialized_exception
    assert not cluster.workers_of(spec.actor_id)
    assert len(cluster.orders(method="PushTask")) == 1


@pytest.mark.clause("I2")
def test_creating_an_alive_actor_again_gives_the_same_address(cluster: Cluster) -> None:
    spec = cluster.driver.actor_spec(name="again")
    cluster.driver.register_actor(spec)
    first = cluster.driver.instantiate_actor(spec)
    cluster.cycle()
    again = cluster.driver.instantiate_actor(spec)
    assert again.actor_address.worker_id == first.actor_address.worker_id
    assert len(cluster.orders(method="PushTask")) == 1


def _end(owner: Driver, actor: bytes, by: str) -> None:
    if by == "a kill":
        owner.kill_actor(actor)
        return
    if by == "a dropped ref":
        owner.home.drop_ref(actor, owner.owner.worker_id)
        return
    if by == "its job's end":
        owner.finish_job()
    owner.die()


def _restarted(cluster: Cluster, actor: bytes, count: int) -> bool:
    row = cluster.driver.actor(actor)
    return row.state == ALIVE and row.num_restarts == count


def _at(cluster: Cluster, actor: bytes, state: int, restarts: int) -> bool:
    row = cluster.driver.actor(actor)
    return row.state == state and row.num_restarts == restarts
