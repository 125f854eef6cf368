"""Short sequences that chance alone hardly ever brings about: what a recovery must find half done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from harness.fuzz import faults as fault
from harness.fuzz import names
from harness.fuzz import operations as op
from harness.fuzz.plan import Step

T = TypeVar("T")
FIRST_ACTOR, FIRST_GROUP = 9, 3
"""Above those that a plan speaks of elsewhere: what a scene is about is what it says."""
SOON = (0.2, 0.05, 0.5, 2.0)
AT_ONCE = (0.001, 0.0005, 0.002, 0.003, 0.01, 0.0)
DOWNS = (0.1, 0.02, 0.5, 2.0)
MUTE_S = 60.0
"""Longer than a GCS waits for one raylet before it goes ahead without it."""


class Source(Protocol):
    """As the grammar's."""

    def pick(self, options: Sequence[T]) -> T: ...
    def between(self, least: int, most: int) -> int: ...


class _Scene:
    """Draws one scene, with actors and groups of its own: ``actor`` and ``child`` are of one job."""

    def __init__(self, source: Source, number: int) -> None:
        self.source, self.pick = source, source.pick
        self.job = source.pick((0, 0, 1, 2))
        self.actor = FIRST_ACTOR + 2 * names.JOBS * number + self.job
        self.child = self.actor + names.JOBS
        self.group = FIRST_GROUP + number

    def start(self, **wishes: object) -> Step:
        usual: dict[str, object] = {"actor": self.actor, "cpus": self.pick((1.0, 0.0)), "restarts": 0}
        return self.soon(op.StartActor(**{**usual, **wishes}))  # type: ignore[arg-type]

    def soon(self, do: op.Operation | fault.Fault, times: int = 1) -> Step:
        return Step(do, self.pick(SOON), 0, times)

    def kill(self, pauses: Sequence[float] = SOON) -> Step:
        return Step(fault.KillGcs(self.pick(DOWNS), self.pick((0, 1, 2))), self.pick(pauses))

    def crash(self, most: int) -> Step:
        effects = self.source.between(0, most)
        return Step(fault.CrashGcs(effects, self.pick(DOWNS), self.pick((0, 1, 2))), self.pick(SOON))


def _restarting(scene: _Scene) -> list[Step]:
    """The GCS dies while an actor is RESTARTING and has no worker yet."""
    wishes = {"restarts": scene.pick((1, -1, 2)), "detached": scene.pick((False, True))}
    death = fault.KillWorker(scene.actor)
    return [
        scene.start(**wishes),
        scene.soon(death),
        scene.kill(AT_ONCE),
        scene.soon(op.GetActor(scene.actor)),
    ]


def _bereft(scene: _Scene) -> list[Step]:
    """The worker of an actor dies in the outage."""
    death = Step(fault.KillWorker(scene.actor), 0.01)
    return [scene.start(restarts=scene.pick((0, 1, -1))), scene.kill(), death]


def _registered(scene: _Scene) -> list[Step]:
    """An actor was only registered before the GCS died; now it is to be created."""
    later = [scene.start(only="create")] * scene.pick((1, 1, 0))
    return [scene.start(only="register"), scene.kill(), *later]


def _job_ends(scene: _Scene) -> list[Step]:
    """The GCS dies between the end of a job and the ends of what was the job's."""
    start = scene.start(detached=scene.pick((False, False, True)))
    group = scene.soon(op.StartGroup(scene.group, (1.0,), detached=scene.pick((False, False, True))))
    mine = scene.pick(([start], [start, group], [group]))
    end = scene.pick(([scene.crash(6)], [scene.crash(6)], [scene.crash(6)], []))
    return [scene.soon(op.AddJob(scene.job)), *mine, *end, scene.soon(op.FinishJob(scene.job))]


def _family(scene: _Scene) -> list[Step]:
    """What a detached actor made lives on when the job has ended, and the GCS, too."""
    child = scene.start(actor=scene.child, owner=scene.actor, restarts=scene.pick((0, 1)))
    parent = scene.start(detached=scene.pick((True, True, False)), cpus=0.0)
    job = op.AddJob(scene.job)
    return [scene.soon(job), parent, child, scene.soon(op.FinishJob(scene.job)), scene.kill()]


def _half_a_group(scene: _Scene) -> list[Step]:
    """The GCS dies while the bundles of a group are prepared and committed; others wait for it."""
    bundles = scene.pick(((1.0, 1.0), (1.0,), (0.5, 0.5, 0.5)))
    start = op.StartGroup(scene.group, bundles, scene.pick(("SPREAD", "PACK")))
    wait = Step(op.WaitGroup(scene.group), scene.pick((0.0, 0.0004, 0.05)), 0, scene.pick((2, 1, 3)))
    return [*scene.pick(([scene.crash(24)], [scene.crash(24)], [])), scene.soon(start), wait]


def _tenant(scene: _Scene) -> list[Step]:
    """An actor in a group, and a kill."""
    start = scene.soon(op.StartGroup(scene.group, (1.0, 1.0)))
    return [start, scene.start(group=scene.group, restarts=scene.pick((0, 1))), scene.kill()]


def _mute(scene: _Scene) -> list[Step]:
    """A raylet keeps the new GCS waiting for its answer to a sweep, and there is work to place."""
    method = scene.pick(("ReleaseUnusedBundles", "ReleaseUnusedActorWorkers"))
    seconds = scene.pick((MUTE_S, MUTE_S, 1.0))
    mute = scene.soon(fault.Disobey(scene.pick((1, 0, 2)), method, "delay", 5, seconds))
    group = Step(op.StartGroup(scene.group), 0.3)
    return [mute, scene.kill(), group, Step(op.WaitGroup(scene.group), 0.01, 0, 2), scene.start()]


def _two_heads(scene: _Scene) -> list[Step]:
    """Another head joins, and the GCS comes back to both."""
    head = scene.soon(fault.AddNode(4.0, head=True))
    return scene.pick(([head], [head, scene.kill()], [scene.kill(), head]))


def _torn(scene: _Scene) -> list[Step]:
    """The store has an actor without its task spec when the GCS comes back."""
    tear = Step(fault.TearStore(scene.actor), 0.005)
    return [
        scene.start(only=scene.pick(("", "register")), detached=scene.pick((False, True))),
        scene.kill(),
        tear,
    ]


def _intruders(scene: _Scene) -> list[Step]:
    """Callers without a right to call."""
    return [scene.soon(op.Intrude(claims)) for claims in op.CLAIMS]


def _crowd(scene: _Scene) -> list[Step]:
    """Of several nodes one is gone, and somebody asks which live."""
    asked = scene.pick(((1, 0), (0, 1), (2, 1, 0, -1), (-1, 0, 1, 2)))
    gone: op.Operation | fault.Fault = (op.UnregisterNode(1), fault.KillNode(1), fault.AddNode())[
        scene.pick((0, 1, 2))
    ]
    return [Step(gone, 0.05), Step(op.GetNodes("alive", nodes=asked), 2.0)]


def _hung(scene: _Scene) -> list[Step]:
    """A GCS hangs in its recovery, while raylets come back and somebody waits."""
    down = 0.02
    kill = Step(fault.KillGcs(down), scene.pick(SOON))
    hang = Step(fault.HangGcs(scene.pick((1.0, 12.0, 0.2))), down + scene.pick(AT_ONCE))
    return [scene.start(), kill, hang, scene.soon(op.GetActor(scene.actor))]


def _two_gcs(scene: _Scene) -> list[Step]:
    """A second GCS comes to the store while there is work, which the first would still do."""
    rival = scene.soon(fault.Rival(scene.pick((5.0, 12.0, 8.0))))
    return [scene.start(), rival, scene.soon(op.NextJobId(), 2), scene.soon(op.Put("k", "w"))]


def _let_go(scene: _Scene) -> list[Step]:
    """An actor that nobody refers to any more is wanted again, to make its objects once more."""
    start = scene.start(restarts=scene.pick((1, -1, 2)))
    again = [scene.soon(op.ReviveActor(scene.actor)), scene.kill(AT_ONCE)]
    return [start, scene.soon(op.ForgetActor(scene.actor)), *again]


def _two_streams(scene: _Scene) -> list[Step]:
    """A raylet opens a second stream, which counts from now on; then resources change."""
    again = scene.soon(fault.SyncAgain(scene.pick((0, 1, 2))))
    return [again, scene.start(cpus=1.0)]


def _lost_while_asked(scene: _Scene) -> list[Step]:
    """The nodes of a group leave one after the other, while others are slow to prepare or commit its bundles."""
    bundles = scene.pick(((1.0, 1.0, 1.0), (1.0, 1.0)))
    strategy = scene.pick(("SPREAD", "STRICT_SPREAD", "SPREAD"))
    start = scene.soon(op.StartGroup(scene.group, bundles, strategy, detached=True))
    method = scene.pick(("PrepareBundleResources",) * 3 + ("CommitBundleResources",))
    slow = fault.Disobey(0, method, "delay", 1, scene.pick((1.0, 3.0)))
    spares = [scene.soon(fault.AddNode()) for _ in range(scene.pick((1, 2, 0)))]
    late = [Step(replace(slow, node=node), 0.01) for node in scene.pick(((2, 3), (1, 2), (2, 3, 4)))]
    lost = [Step(op.UnregisterNode(node), scene.pick((0.1, 0.3))) for node in (0, 1)]
    return [start, *spares, *late, *lost]


def _drained(scene: _Scene) -> list[Step]:
    """A node with work on it drains, perhaps over a restart; a group wants room there; then the node is gone."""
    start = scene.start(cpus=1.0, node=1, detached=True, restarts=1)
    drain = Step(op.DrainNode(1, deadline=1.0), 0.5)
    kills = [scene.kill()] if scene.pick((True, False)) else []
    group = scene.soon(op.StartGroup(scene.group, (1.0, 1.0), "STRICT_SPREAD", detached=True))
    return [start, drain, *kills, group, Step(fault.KillNode(1), 6.0)]


SCENES: tuple[Callable[[_Scene], list[Step]], ...] = (
    _restarting, _restarting, _bereft, _registered, _job_ends, _job_ends, _job_ends, _family, _half_a_group, _half_a_group,
    _tenant, _mute, _two_heads, _torn, _intruders, _crowd, _two_streams, _two_gcs, _hung,
    _lost_while_asked, _lost_while_asked, _let_go, _drained, _drained,
)  # fmt: skip


def scene(source: Source, number: int) -> list[Step]:
    """The ``number``-th scene of a plan: its steps in their order."""
    return source.pick(SCENES)(_Scene(source, number))
