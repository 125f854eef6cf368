"""One of everything that a cluster can hold, and how to tell that it still lives."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, field
from math import inf

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
        return Watch(self, self.pulses(), self.workers(), self.bundles(), self.cluster.now())


@dataclass(frozen=True)
class Watch:
    """A workload at one moment. ``since``: monotonic seconds."""

    workload: Workload
    pulses: list[Pulse]
    workers: dict[str, str]
    bundles: dict[str, str]
    since: float

    def violations(self) -> list[str]:
        """What of it has been lost, restarted or ordered to die since then."""
        before = {pulse.who: pulse.value for pulse in self.pulses}
        tasks = self.workload.tasks
        until(
            "running tasks advance",
            lambda: all((steps(task) or inf) > before[f"task {task.name}"] for task in tasks),
            within=5.0,
        )
        return [
            *lived_on(self.pulses, self.workload.pulses()),
            *unharmed(self.workload.cluster.orders(), self.workers, self.bundles, self.since),
            *same_objects(self.workload.stored(), self.workload.read_elsewhere()),
        ]


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
