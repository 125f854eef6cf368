"""What a well-behaved client may ask for at each step of a plan: drawn plans hold nothing else. Pure.

Ids are well-formed, jobs exist, an actor or a group is in a state that allows the request, and each thing ends
once. What a plan breaks from outside (:mod:`harness.fuzz.faults`) is free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.fuzz import faults as fault
from harness.fuzz import names
from harness.fuzz import operations as op
from harness.fuzz.plan import Plan, Step, consistent

ONCE = (op.FinishJob, op.ForgetActor, op.ReviveActor, op.RemoveGroup, op.UnregisterNode)
"""Sent once: whoever asks for it has nothing left to ask it of."""


@dataclass
class Known:
    """What the steps so far have begun and ended, by index. ``raylets``: how many have joined."""

    jobs: set[int]
    homes: int
    raylets: int
    finished: set[int] = field(default_factory=set)
    mute: set[int] = field(default_factory=set)
    """Jobs whose drivers are dead."""
    actors: dict[int, op.StartActor] = field(default_factory=dict)
    killed: set[int] = field(default_factory=set)
    forgotten: set[int] = field(default_factory=set)
    revived: set[int] = field(default_factory=set)
    groups: dict[int, op.StartGroup] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    """Nodes that have said goodbye."""

    @classmethod
    def before(cls, plan: Plan) -> Known:
        """Before the first step."""
        return cls(set(range(plan.jobs)), len(plan.nodes), len(plan.nodes))

    def open(self, job: int) -> bool:
        """Whether the driver of ``job`` can ask for something."""
        return job in self.jobs - self.finished - self.mute

    def placed(self, group: int) -> bool:
        """Whether ``group`` was started, and is still meant to be."""
        return group in self.groups and group not in self.removed and names.job_of(group) not in self.finished

    def ended(self, actor: int) -> bool:
        """Whether somebody has asked for the end of ``actor``."""
        return actor in self.killed | self.forgotten

    def take(self, step: Step) -> None:
        """Note what ``step`` begins or ends."""
        note = _NOTES.get(type(step.do))
        if note is not None:
            note(self, step.do)

    def _leaves(self, node: int) -> None:
        gone = node % max(self.raylets, 1)
        self.mute |= {job for job in range(names.JOBS) if job % self.homes == gone}


def violations(plan: Plan) -> list[str]:
    """A sentence for each step that nobody may ask for where it stands."""
    known = Known.before(plan)
    found = []
    for number, step in enumerate(consistent(plan).steps, 1):
        if why := complaint(known, step):
            found.append(f"step {number}, {type(step.do).__name__}: {why}")
        known.take(step)
    return found


def complaint(known: Known, step: Step) -> str:
    """Why ``step`` may not be asked for after what is ``known``; '' when it may."""
    do: Any = step.do
    rule = RULES.get(type(do))
    if rule is not None and (why := rule(known, do)):
        return why
    return "it is sent once" if isinstance(do, ONCE) and step.times > 1 else ""


def _job(known: Known, job: int) -> str:
    return "" if known.open(job) else "its job is not there, or its driver is not"


def _add_job(known: Known, do: op.AddJob) -> str:
    return "the job is over" if do.job in known.finished | known.mute else ""


def _start_actor(known: Known, do: op.StartActor) -> str:
    if known.ended(do.actor):
        return "its end was asked for"
    if do.only == "create" and do.actor not in known.actors:
        return "nobody has registered it"
    if do.group >= 0:
        if not known.placed(do.group) or names.job_of(do.group) != names.job_of(do.actor):
            return "its job has no such group"
        if do.bundle >= len(known.groups[do.group].bundles):
            return "its group has no such bundle"
    return _job(known, names.job_of(do.actor))


def _start_group(known: Known, do: op.StartGroup) -> str:
    return "its end was asked for" if do.group in known.removed else _job(known, names.job_of(do.group))


def _kill_actor(known: Known, do: op.KillActor) -> str:
    return "its end was asked for" if known.ended(do.actor) and not do.restart else ""


def _forget_actor(known: Known, do: op.ForgetActor) -> str:
    actor = known.actors.get(do.actor)
    if actor is None or actor.detached or actor.owner >= 0:
        return "no driver owns it"
    return "its end was asked for" if known.ended(do.actor) else _job(known, names.job_of(do.actor))


def _revive_actor(known: Known, do: op.ReviveActor) -> str:
    if do.actor not in known.forgotten or do.actor in known.killed | known.revived or do.restarts != 1:
        return "it was not let go of for the first time"
    return _job(known, names.job_of(do.actor))


def _remove_group(known: Known, do: op.RemoveGroup) -> str:
    return "its end was asked for" if do.group in known.removed else ""


def _wait_group(known: Known, do: op.WaitGroup) -> str:
    return "" if known.placed(do.group) else "nobody has started it"


def _finish_job(known: Known, do: op.FinishJob) -> str:
    return _job(known, do.job)


def _unregister_node(known: Known, do: op.UnregisterNode) -> str:
    return "it has left" if do.node % max(known.raylets, 1) in known.left else ""


RULES: Mapping[type[Any], Callable[[Known, Any], str]] = {
    op.AddJob: _add_job,
    op.FinishJob: _finish_job,
    op.AddWorker: lambda known, do: _job(known, do.job),
    op.StartActor: _start_actor,
    op.KillActor: _kill_actor,
    op.ForgetActor: _forget_actor,
    op.ReviveActor: _revive_actor,
    op.StartGroup: _start_group,
    op.RemoveGroup: _remove_group,
    op.WaitGroup: _wait_group,
    op.UnregisterNode: _unregister_node,
}
"""The others are reads, and what concerns nothing that could have ended."""


def _note_unregister(known: Known, do: op.UnregisterNode) -> None:
    known.left.add(do.node % max(known.raylets, 1))
    known._leaves(do.node)


def _note_kill_actor(known: Known, do: op.KillActor) -> None:
    if not do.restart:
        known.killed.add(do.actor)


def _note_add_node(known: Known, _do: fault.AddNode) -> None:
    known.raylets += 1


_NOTES: Mapping[type[Any], Callable[[Known, Any], object]] = {
    op.AddJob: lambda known, do: known.jobs.add(do.job),
    op.FinishJob: lambda known, do: known.finished.add(do.job),
    op.StartActor: lambda known, do: known.actors.setdefault(do.actor, do),
    op.KillActor: _note_kill_actor,
    op.ForgetActor: lambda known, do: known.forgotten.add(do.actor),
    op.ReviveActor: lambda known, do: known.revived.add(do.actor),
    op.StartGroup: lambda known, do: known.groups.setdefault(do.group, do),
    op.RemoveGroup: lambda known, do: known.removed.add(do.group) if do.group in known.groups else None,
    op.UnregisterNode: _note_unregister,
    op.DrainNode: lambda known, do: known._leaves(do.node),
    fault.KillDriver: lambda known, do: known.mute.add(do.job % names.JOBS),
    fault.KillNode: lambda known, do: known._leaves(do.node),
    fault.AddNode: _note_add_node,
}
