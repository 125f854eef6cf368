"""One of everything that a cluster can hold, and how to tell that it still lives."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any

from harness.check import view
from harness.check.survival import Pulse, lived_on, same_objects, unharmed
from harness.cluster import Cluster, Lost
from harness.raylet.records import ObjectRef, Task
from harness.wait import until


@dataclass
class Workload:
    """What :func:`populate` made. ``objects``: where each lies, by its raylet's place in the cluster."""

    cluster: Cluster
    tasks: list[Task] = field(default_factory=list)
    actors: list[bytes] = field(default_factory=list)
    groups: list[bytes] = field(default_factory=list)
    objects: list[tuple[int, ObjectRef]] = field(default_factory=list)

    def pulses(self) -> list[Pulse]:
        """A sign of life of every task and actor, got without the GCS."""
        signs = [(f"task {task.name}", task) for task in self.tasks]
        found = [Pulse(who, task.pid, reached) for who, task in signs if (reached := steps(task)) is not None]
        for actor in self.actors:
            with contextlib.suppress(OSError, Lost):
                found.append(self.cluster.pulse(actor))
        return found

    def workers(self) -> dict[str, str]:
        """Worker id -> node id (hex) of every living actor."""
        return {
            worker.worker_id.hex(): raylet.node_id.hex()
            for raylet in self.cluster.raylets
            if raylet.alive
            for worker in raylet.workers()
            if worker.alive and worker.actor_id
        }

    def bundles(self) -> dict[str, str]:
        """Held bundle (``group:index``) -> node id (hex)."""
        return {
            f"{group.hex()}:{index}": raylet.node_id.hex()
            for raylet in self.cluster.raylets
            if raylet.alive
            for group, index in raylet.bundles()
        }

    def read_elsewhere(self) -> dict[str, str]:
        """Each object's checksum, as another node than its own reads it, without the GCS."""
        raylets = self.cluster.raylets
        found = {}
        for home, ref in self.objects:
            with contextlib.suppress(OSError, LookupError):
                found[ref.object_id.hex()] = _checksum(raylets[(home + 1) % len(raylets)].get(ref))
        return found

    def stored(self) -> dict[str, str]:
        return {ref.object_id.hex(): ref.checksum for _, ref in self.objects}

    def watch(self) -> Watch:
        """Remember how all of it stands now, to ask later whether it lived on."""
        pulses, workers, bundles, since = self.pulses(), self.workers(), self.bundles(), self.cluster.now()
        facts = _facts(pulses, workers, bundles, self.stored())
        begin = self.cluster.recorder.write("watch", "begin", facts, at=since)
        return Watch(self, pulses, workers, bundles, since, begin)


@dataclass(frozen=True)
class Watch:
    """A workload at one moment. ``since``: monotonic seconds; ``begin``: its event in the history."""

    workload: Workload
    pulses: list[Pulse]
    workers: dict[str, str]
    bundles: dict[str, str]
    since: float
    begin: str

    def violations(self) -> list[str]:
        """What of it has been lost, restarted or ordered to die since then."""
        before = {pulse.who: pulse.value for pulse in self.pulses}
        tasks = self.workload.tasks
        try:
            until(
                "running tasks advance",
                lambda: all((steps(task) or inf) > before[f"task {task.name}"] for task in tasks),
                within=5.0,
            )
        finally:
            pulses, objects = self._end()
        work = self.workload
        return [
            *lived_on(self.pulses, pulses),
            *unharmed(work.cluster.orders(), self.workers, self.bundles, self.since),
            *same_objects(work.stored(), objects),
        ]

    def _end(self) -> tuple[list[Pulse], dict[str, str]]:
        """Write down how it stands now; the signs of life and the objects as they are read."""
        work = self.workload
        pulses, objects = work.pulses(), work.read_elsewhere()
        facts = _facts(pulses, work.workers(), work.bundles(), objects)
        work.cluster.recorder.write("watch", "end", {"begin": self.begin, **facts})
        return pulses, objects


def _facts(
    pulses: list[Pulse], workers: dict[str, str], bundles: dict[str, str], objects: dict[str, str]
) -> dict[str, Any]:
    """Of a watch's event: worker -> node, bundle -> node, signs of life, object -> checksum."""
    return {
        "workers": workers,
        "bundles": bundles,
        "pulses": [asdict(one) for one in pulses],
        "objects": objects,
    }


def populate(cluster: Cluster, keys: int = 5) -> Workload:
    """Jobs, key-values, a group over all nodes, actors of each kind, running tasks and objects.

    Needs a driver and two raylets with four CPUs each.
    """
    driver = cluster.driver
    work = Workload(cluster)
    for number in range(keys):
        driver.put(b"key-%d" % number, b"value-%d" % number)
    bundles = [{"CPU": 1.0}] * len(cluster.raylets)
    group = driver.create_placement_group(bundles, strategy="STRICT_SPREAD", name="spread")
    work.groups.append(group)
    work.actors = [
        driver.create_actor(name="keeper", detached=True, max_restarts=-1),
        driver.create_actor(name="owned", max_restarts=2),
        driver.create_actor(placement_group=group, bundle_index=home_bundle(cluster, group)),
    ]
    finished = cluster.add_driver()
    finished.finish_job()
    for place, raylet in enumerate(cluster.raylets):
        work.tasks.append(raylet.start_task(f"count-{place}"))
        work.objects.append((place, raylet.put(b"object of node %d " % place * 1000)))
    return work


def steps(task: Task) -> int | None:
    """How far a task is; None when its worker is dead."""
    try:
        return task.value()
    except OSError:
        return None


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def home_bundle(cluster: Cluster, group: bytes) -> int:
    """The index of the group's bundle on the driver's own node.

    A GCS asks the owner's raylet for a lease first, so an actor is put where its owner is.
    """
    nodes = view.group(cluster.driver.placement_group(group)).nodes
    return nodes.index(cluster.driver.home.node_id.hex())
