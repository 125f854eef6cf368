"""A drawn plan made legal: what nobody may ask for where it stands becomes a plainer request, or a read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.fuzz import faults as fault
from harness.fuzz import names
from harness.fuzz import operations as op
from harness.fuzz.asking import job_of
from harness.fuzz.legality import ONCE, Known, complaint
from harness.fuzz.plan import Plan, Step

MINE, GROUPS = range(8), range(3)
"""The actors and groups of a plan outside of its scenes."""


def legal(plan: Plan) -> Plan:
    """The plan with as many steps, of which :func:`harness.fuzz.legality.violations` finds none wrong."""
    plan = replace(plan, jobs=max(plan.jobs, _jobs_needed(plan)))
    known = Known.before(plan)
    steps = []
    for step in plan.steps:
        if isinstance(step.do, ONCE):
            step = replace(step, times=1)
        step = next(one for one in _candidates(known, step) if not complaint(known, one))
        known.take(step)
        steps.append(step)
    return replace(plan, steps=tuple(steps))


def _candidates(known: Known, step: Step) -> Iterator[Step]:
    """``step``, then what is most like it; the last is a read, which is always legal."""
    others = _OTHERS.get(type(step.do), _itself)
    for do in others(known, step.do):
        yield replace(step, do=do)
    if type(step.do) in _READS:
        yield replace(step, do=_READS[type(step.do)](step.do))


def _jobs_needed(plan: Plan) -> int:
    """How many jobs there must be from the start: those that are used before they are added."""
    added: set[int] = set()
    needed = 0
    for step in plan.steps:
        if isinstance(step.do, op.AddJob):
            added.add(step.do.job)
        elif (
            not isinstance(step.do, fault.Fault) and (job := job_of(step.do)) is not None and job not in added
        ):
            needed = max(needed, job + 1)
    return needed


def _itself(_known: Known, do: Any) -> Iterator[Any]:
    yield do


def _start_actor(known: Known, do: op.StartActor) -> Iterator[op.StartActor]:
    """The same, in a group that there is or in none; or another actor of a job that goes on."""
    yield _housed(known, do)
    for actor in MINE:
        yield _housed(known, replace(do, actor=actor, owner=-1, root=-1, group=-1, only=""))


def _housed(known: Known, do: op.StartActor) -> op.StartActor:
    """An actor is what its first mention says; a new one lives in a group of its job that was started, or in none."""
    if do.actor in known.actors:
        return replace(known.actors[do.actor], only=do.only)
    if do.only == "create":
        do = replace(do, only="")
    if do.group < 0:
        return do
    own = do.group if names.job_of(do.group) == names.job_of(do.actor) else names.job_of(do.actor)
    if not known.placed(own):
        return replace(do, group=-1, bundle=-1)
    return replace(do, group=own, bundle=min(do.bundle, len(known.groups[own].bundles) - 1))


def _start_group(known: Known, do: op.StartGroup) -> Iterator[op.StartGroup]:
    yield do
    for group in GROUPS:
        yield known.groups.get(group, replace(do, group=group))


def _started_actor(known: Known, do: Any) -> Iterator[Any]:
    """Of the actors that were started the last first."""
    yield do
    yield from (replace(do, actor=actor) for actor in reversed(known.actors))


def _started_group(known: Known, do: Any) -> Iterator[Any]:
    yield do
    yield from (replace(do, group=group) for group in reversed(known.groups))


_OTHERS: Mapping[type[Any], Callable[[Known, Any], Iterator[Any]]] = {
    op.StartActor: _start_actor,
    op.ForgetActor: _started_actor,
    op.ReviveActor: _started_actor,
    op.StartGroup: _start_group,
    op.WaitGroup: _started_group,
}
_READS: Mapping[type[Any], Callable[[Any], op.Operation]] = {
    op.AddJob: lambda _: op.ListJobs(),
    op.FinishJob: lambda _: op.ListJobs(),
    op.AddWorker: lambda do: op.GetWorkers(do.job),
    op.StartActor: lambda do: op.GetActor(do.actor),
    op.KillActor: lambda do: op.GetActor(do.actor),
    op.ForgetActor: lambda do: op.GetActor(do.actor),
    op.ReviveActor: lambda do: op.GetActor(do.actor),
    op.StartGroup: lambda do: op.GetGroup(do.group),
    op.RemoveGroup: lambda do: op.GetGroup(do.group),
    op.WaitGroup: lambda do: op.GetGroup(do.group),
    op.UnregisterNode: lambda _: op.GetNodes(),
    op.DrainNode: lambda _: op.GetNodes(),
}
