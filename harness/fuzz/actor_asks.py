"""Operations on actors and placement groups as requests. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.driver import specs
from harness.driver.specs import ActorSpec
from harness.fuzz import names
from harness.fuzz import operations as op
from harness.fuzz.requests import Ask, Owners, ask, at_most
from harness.wire import messages as m

EMPTY_LABEL_SELECTOR = b"\xda\x02\x00"
"""TaskSpec's field 43, which our protos leave out and a GCS must pass on, as it lies on the wire."""


def _start_actor(what: op.StartActor, owners: Owners) -> list[Ask]:
    spec = ActorSpec(
        actor_id=names.actor_id(what.actor),
        name=what.name,
        ray_namespace=what.namespace,
        detached=what.detached,
        max_restarts=what.restarts,
        resources={"CPU": what.cpus} if what.cpus else {},
        placement_group=names.group_id(what.group) if what.group >= 0 else b"",
        bundle_index=what.bundle,
        creator_actor=names.actor_id(what.owner) if what.owner >= 0 else b"",
        root_detached_actor=names.actor_id(what.root) if what.root >= 0 and not what.detached else b"",
    )
    task = specs.actor_task(owners(names.job_of(what.actor)), spec)
    if what.node >= 0 and what.group < 0:
        where = m.NodeAffinitySchedulingStrategy(node_id=names.node_id(what.node), soft=what.soft)
        task.scheduling_strategy.CopyFrom(m.SchedulingStrategy(node_affinity_scheduling_strategy=where))
    if what.labelled:
        task.labels["made by"] = "gauntlet"
        task.MergeFromString(EMPTY_LABEL_SELECTOR)
    register = ask("RegisterActor", task_spec=task)
    if what.resolved:
        task.depth += 1
    create = ask("CreateActor", task_spec=task)
    return {"register": [register], "create": [create]}.get(what.only, [register, create])


def _start_group(what: op.StartGroup, owners: Owners) -> list[Ask]:
    bundles = [{"CPU": cpus} for cpus in what.bundles]
    owner = owners(names.job_of(what.group))
    spec = specs.placement_group(
        owner, names.group_id(what.group), bundles, what.strategy, what.name, what.detached
    )
    return [ask("CreatePlacementGroup", placement_group_spec=spec)]


def _list_actors(what: op.ListActors, _owners: Owners) -> list[Ask]:
    if what.named:
        everywhere = {"ray_namespace": what.state} if what.state else {"all_namespaces": True}
        return [ask("ListNamedActors", **everywhere)]
    name, request = ask("GetAllActorInfo", **at_most(what.limit))
    filters: Any = request.filters  # type: ignore[attr-defined]
    if what.state:
        filters.state = m.ActorTableData.ActorState.Value(what.state)
    if what.of >= 0:
        filters.job_id = names.job_id(what.of)
    return [(name, request)]


ASKS: Mapping[type[Any], Callable[[Any, Owners], list[Ask]]] = {
    op.StartActor: _start_actor,
    op.KillActor: lambda what, _: [
        ask(
            "KillActorViaGcs",
            actor_id=names.actor_id(what.actor),
            force_kill=True,
            no_restart=not what.restart,
        )
    ],
    op.ForgetActor: lambda what, _: [ask("ReportActorOutOfScope", actor_id=names.actor_id(what.actor))],
    op.ReviveActor: lambda what, _: [
        ask(
            "RestartActorForLineageReconstruction",
            actor_id=names.actor_id(what.actor),
            num_restarts_due_to_lineage_reconstruction=what.restarts,
        )
    ],
    op.GetActor: lambda what, _: [ask("GetActorInfo", actor_id=names.actor_id(what.actor))],
    op.GetNamedActor: lambda what, _: [
        ask("GetNamedActorInfo", name=what.name, ray_namespace=what.namespace)
    ],
    op.ListActors: _list_actors,
    op.StartGroup: _start_group,
    op.RemoveGroup: lambda what, _: [
        ask("RemovePlacementGroup", placement_group_id=names.group_id(what.group))
    ],
    op.WaitGroup: lambda what, _: [
        ask("WaitPlacementGroupUntilReady", placement_group_id=names.group_id(what.group))
    ],
    op.GetGroup: lambda what, _: [ask("GetPlacementGroup", placement_group_id=names.group_id(what.group))],
    op.GetNamedGroup: lambda what, _: [ask("GetNamedPlacementGroup", name=what.name)],
    op.ListGroups: lambda what, _: [ask("GetAllPlacementGroup", **at_most(what.limit))],
}
