"""One plan carried out on one real cluster, from its build to the rest after its last step."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from harness.cluster.cluster import Cluster
from harness.driver.specs import Owner
from harness.errors import TimedOut
from harness.fault import KillStore
from harness.fuzz import asking, names
from harness.fuzz import faults as fault
from harness.fuzz import operations as op
from harness.fuzz.legality import ONCE
from harness.fuzz.order import Order
from harness.fuzz.plan import Plan, Step, consistent
from harness.fuzz.real.breaking import Armed, arm_crash, break_down
from harness.fuzz.real.clients import Asker, Subscription
from harness.fuzz.real.keeper import Keeper
from harness.fuzz.real.links import Links
from harness.raylet.handles import RayletHandle
from harness.raylet.records import Worker

TICK_SECONDS = 0.008
AFTERMATH_SECONDS = 0.3
"""In which what was armed may still strike after the last step."""
YOUNG_SECONDS = 1.0
"""For so long a kill waits for the recovery before it."""
RIVAL_SECONDS = 5.0
"""For so long a second GCS may take to serve: the reference's about half a second, on a machine that is busy more."""
BACK_SECONDS = 20.0
THREADS = 160
"""Each sees a call through: more than any plan has calls."""


@dataclass
class Home:
    """A driver: the ``owner`` as it stands in requests, and the raylet on which it lives."""

    owner: Owner
    home: RayletHandle
    alive: bool = True


class Performance:
    """``hits``: what was really broken -> how often. ``missed``: how many strikes were armed and never came."""

    def __init__(self, cluster: Cluster, plan: Plan) -> None:
        self.cluster, self.plan = cluster, consistent(plan)
        cluster.notice = plan.health.notice
        self.keeper = Keeper(cluster)
        self.links = Links(cluster, plan)
        self.owners: dict[int, Home] = {}
        self.order = Order()
        self.parents: dict[int, Owner] = {}
        """Actor -> the worker that owns it, where that is no driver."""
        self.hits: Counter[str] = Counter()
        self.missed = 0
        self.crashes: deque[fault.CrashGcs] = deque()
        """Of the operations to come, one each."""
        self.armed: list[Armed] = []
        self.store_stalled = self.store_killed = False
        self.rivals = ExitStack()
        """Second GCSs, each to be ended."""
        self._random = Random(plan.seed)
        self._pool = ThreadPoolExecutor(THREADS, "client")
        self._clients: list[Asker] = []
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()

    def run(self) -> None:
        """Build, take every step, mend all, and wait until the GCS serves.

        TargetFailed when it does not come back, TimedOut when nobody can say why.
        """
        self._build()
        for number, step in enumerate(self.plan.steps, 1):
            self._pass(step.pause)
            self._take(step, number)
        self._come_to_rest()

    def close(self) -> None:
        """Let nobody ask anything more; calls under way end with their channels."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.links.close()

    # -- what faults ask ---------------------------------------------------------------------

    def hit(self, what: str) -> None:
        self.hits[what] += 1

    def strikes(self, how: fault.Fault, who: str = "", facts: Mapping[str, Any] | None = None) -> None:
        """Say in the history that ``how`` has found what it breaks; ``who`` and ``facts``: of what proves that."""
        self.cluster.recorder.write("plan", *fault.told(how, who, facts))

    def life(self) -> dict[str, int]:
        """By which the events of the GCS that lives now are told from those of others."""
        return {"life": self.cluster.gcs.lives[-1].number}

    def later(self, seconds: float, do: Callable[[], object]) -> None:
        """Do it in so many seconds, or when the plan is over."""
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._numbers), do))

    def await_gcs(self) -> None:
        """Let time pass until the GCS serves, or for :data:`YOUNG_SECONDS`."""
        end = time.monotonic() + YOUNG_SECONDS
        while not self.keeper.serving and time.monotonic() < end:
            self._pass(TICK_SECONDS)

    def rival_serves(self) -> bool:
        """Let time pass until the second GCS serves, ends, or :data:`RIVAL_SECONDS` are over: only then it has taken over."""
        end = time.monotonic() + RIVAL_SECONDS
        rival = self.cluster.rival
        while rival is not None and rival.alive and time.monotonic() < end:
            if rival.accepts() and rival.serving():
                return True
            self._pass(TICK_SECONDS)
        return False

    def resume_store(self) -> None:
        if self.store_stalled:
            self.store_stalled = False
            self.cluster.recorder.write("store", "resumed")
            self.cluster.store.resume()

    def restart_store(self) -> None:
        if self.store_killed:
            self.store_killed = False
            KillStore().heal(self.cluster)

    def resume_gcs(self) -> None:
        """Nothing, where it does not hang any more."""
        if self.cluster.gcs.paused:
            self.cluster.gcs.resume()

    def mend(self) -> None:
        """All that lasts until somebody ends it, and what would strike whoever comes next."""
        for one in self.armed:
            one.strike.disarm()
        self.keeper.disarm()
        self.resume_store()
        self.restart_store()
        self.resume_gcs()
        self.rivals.close()

    def raylet(self, number: int) -> RayletHandle | None:
        """The raylet of that number, if it lives."""
        known = self.cluster.raylets
        found = known[number % len(known)] if known else None
        return found if found is not None and found.alive else None

    def worker_of(self, actor: int) -> tuple[RayletHandle, Worker] | None:
        """The living worker of an actor, and where it is."""
        wanted = names.actor_id(actor)
        for raylet in self.cluster.raylets:
            for worker in raylet.workers() if raylet.alive else ():
                if worker.alive and worker.actor_id == wanted:
                    return raylet, worker
        return None

    def add_node(self, cpus: float, head: bool = False) -> None:
        number = len(self.cluster.raylets)
        way = self.links.way()
        raylet = self.cluster.add_raylet(
            {"CPU": cpus},
            wait=False,
            node_id=names.node_id(number),
            reconnect_limit=self.plan.reconnect_limit,
            gcs=way,
            is_head=head or number == 0,
        )
        self.links.belongs_to(raylet)

    # -- the run -----------------------------------------------------------------------------

    def _build(self) -> None:
        """The GCS serves, nodes have joined, and the first drivers have jobs."""
        self.cluster.recorder.write("plan", "health", {"notice": self.plan.health.notice})
        gcs = self.cluster.gcs
        gcs.launch = replace(gcs.launch, config={**gcs.launch.config, **self.plan.health.settings()})
        self.cluster.start_gcs()
        for cpus in self.plan.nodes:
            self.add_node(cpus)
        for _ in range(max(self.plan.clients, 1)):
            client = self.cluster.client_at(self.links.way() or self.cluster.address, {}, "driver")
            client.learn_cluster_id()
            self._clients.append(Asker(client, self._pool))
        self.cluster.settled()
        for job in range(self.plan.jobs):
            self._attach(job)
            for do in (op.AddJob(job), op.AddWorker(job)):
                ((name, request),) = asking.asks(do, self._owner)
                self._clients[0].gcs.checked(name, request)

    def _take(self, step: Step, number: int) -> None:
        do = step.do
        if isinstance(do, fault.Fault):
            break_down(self, do)
            return
        if self.crashes and self.keeper.serving:
            arm_crash(self, self.crashes.popleft())
        if isinstance(do, op.UnregisterNode):
            if (raylet := self.raylet(do.node)) is not None and raylet.state == "connected":
                raylet.leave(do.preempted)
        elif isinstance(do, op.DrainNode):
            self._drain(do, step)
        elif isinstance(do, op.Subscribe):
            client = self.cluster.client_at(self.links.way() or self.cluster.address, {}, "listener")
            client.cluster_id = self._clients[0].gcs.cluster_id
            Subscription(client, do, number, self._pool)
        elif isinstance(do, op.Intrude):
            self._intrude(do)
        else:
            self._ask(do, step)

    def _drain(self, do: op.DrainNode, step: Step) -> None:
        raylet = self.raylet(do.node)
        if raylet is not None and raylet.registered:
            client = self._clients[step.client % len(self._clients)]
            client.ask([asking.drain(do, raylet.node_id, time.time())], step.times)

    def _intrude(self, do: op.Intrude) -> None:
        """Of another cluster alone: a warm cluster has no token to be wrong about."""
        if do.claims == op.ANOTHER_CLUSTER:
            self._clients[0].intrude(asking.asks(do, self._owner)[0])

    def _ask(self, do: op.Operation, step: Step) -> None:
        job = asking.job_of(do)
        if job is not None:
            self._attach(job)
        parent = self._parent(do) if isinstance(do, op.StartActor) and do.owner >= 0 else None
        if isinstance(do, op.StartActor) and do.owner >= 0 and parent is None:
            return  # who would ask for it does not live
        again = self._random.random() < self.plan.weather.duplication
        client = self._clients[step.client % len(self._clients)]
        asks = asking.asks(do, lambda job: parent or self._owner(job))
        times = 1 if isinstance(do, ONCE) else step.times + again

        def send(answered: Callable[[], None]) -> None:
            if not isinstance(do, op.FinishJob) or self._driver_lives(do.job):
                client.ask(asks, times, answered)

        self.order.ask(do, send)

    def _come_to_rest(self) -> None:
        """What was armed may still strike; then all is mended, and the GCS comes back."""
        end = time.monotonic() + AFTERMATH_SECONDS
        while self.armed and time.monotonic() < end:
            self._pass(TICK_SECONDS)
        for one in self.armed:
            one.strike.disarm()
        self._note_strikes()
        self.missed += len(self.armed)
        late = [*(one.how for one in self.armed if isinstance(one.how, fault.CrashGcs)), *self.crashes]
        self.armed.clear()
        while self._later:
            heapq.heappop(self._later)[2]()
        self._await_settled()
        # A crash that did not come says nothing; the recoveries after it are worth a kill.
        for crash in late:
            if crash.recoveries:
                break_down(self, fault.KillGcs(crash.down, recoveries=crash.recoveries))
                self._await_settled()

    def _await_settled(self) -> None:
        """Each life that is still to die has its own :data:`BACK_SECONDS`."""
        started, end = -1, 0.0
        while not self.keeper.settled:
            if started != self.keeper.started:
                started, end = self.keeper.started, time.monotonic() + BACK_SECONDS
            if time.monotonic() > end:
                raise TimedOut(f"the GCS does not serve within {BACK_SECONDS:g} s after the last step")
            self._pass(TICK_SECONDS)

    def _pass(self, seconds: float) -> None:
        """Let so much of the plan's own time go by, and do meanwhile what falls due."""
        end = time.monotonic() + seconds
        while True:
            self._note_strikes()
            self.keeper.look()
            while self._later and self._later[0][0] <= time.monotonic():
                heapq.heappop(self._later)[2]()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, TICK_SECONDS))

    def _note_strikes(self) -> None:
        """What has struck tells the keeper what comes next, before that sees the GCS dead."""
        for one in [one for one in self.armed if one.strike.is_set()]:
            self.armed.remove(one)
            self.hit(one.what)
            assert one.strike.unit is not None
            said = fault.told(one.how, "gcs", self.life(), one.strike.unit.number)
            self.cluster.recorder.write("plan", *said, at=one.strike.struck_at)
            self.keeper.expect(one.how.down, getattr(one.how, "recoveries", ()))

    # -- owners ------------------------------------------------------------------------------

    def _home(self, job: int) -> RayletHandle:
        return self.cluster.raylets[job % len(self.plan.nodes)]

    def _attach(self, job: int) -> None:
        """The driver of ``job`` starts on its node, unless it did, or the node is gone."""
        home = self._home(job)
        if job not in self.owners and home.alive:
            port = home.attach_driver(names.driver_id(job))
            owner = Owner(names.job_id(job), names.driver_id(job), home.node_id, home.address, port)
            self.owners[job] = Home(owner, home)

    def _parent(self, do: op.StartActor) -> Owner | None:
        """The worker of the owning actor, as it was when the actor was first asked for."""
        found = self.worker_of(do.owner)
        if do.actor not in self.parents and found is not None:
            raylet, worker = found
            job = names.job_id(names.job_of(do.actor))
            self.parents[do.actor] = Owner(
                job, worker.worker_id, raylet.node_id, worker.address, worker.grpc_port
            )
        return self.parents.get(do.actor)

    def _driver_lives(self, job: int) -> bool:
        known = self.owners.get(job)
        return known is not None and known.alive and known.home.alive

    def _owner(self, job: int) -> Owner:
        known = self.owners.get(job)
        if known is not None:
            return known.owner
        home = self._home(job)
        return Owner(names.job_id(job), names.driver_id(job), home.node_id, home.address, 1)
