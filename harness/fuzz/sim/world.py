"""A whole cluster in virtual time, and a plan carried out on it. The same plan gives the same record, byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from google.protobuf.message import Message

from harness.driver.specs import Owner
from harness.fuzz import asking, names
from harness.fuzz import faults as fault
from harness.fuzz import operations as op
from harness.fuzz.legality import ONCE
from harness.fuzz.operations import ANOTHER_CLUSTER, NO_TOKEN
from harness.fuzz.order import Order
from harness.fuzz.plan import Plan, Step, consistent
from harness.fuzz.sim.breaking import break_down
from harness.fuzz.sim.channel import Channel, Network
from harness.fuzz.sim.client import Client, Listener
from harness.fuzz.sim.clock import Clock
from harness.fuzz.sim.lives import Lives
from harness.fuzz.sim.looking import CALM, close
from harness.fuzz.sim.raylet import Raylet
from harness.fuzz.sim.record import NAMESPACE, Record
from harness.fuzz.sim.server import WALL, Server
from harness.fuzz.sim.store import Store
from harness.fuzz.sim.workers import IP, Driver, Worker
from harness.raylet.drain import goodbye
from harness.raylet.sync import REPORT_S
from harness.wire import ids
from harness.wire import messages as m

SETTLING = 0.3
"""Seconds that pass before the first step, when all is up."""
AFTERMATH = 1.0
"""Seconds in which what was armed may still strike after the last step."""
LADDER = 30.0
"""Seconds in which the lives that are to be killed in their turn may come."""
PATIENCE = 60.0
DRIVER_PORT = 30_000


class World:
    """``coverage``: the kinds of steps that were carried out, and the conditions that were reached, with counts."""

    def __init__(self, plan: Plan, report: float = REPORT_S) -> None:
        """``report``: how often a raylet looks whether to report its resources, in seconds; 0: at once."""
        self.plan, self.report = consistent(plan), report
        self.clock = Clock()
        self.random = Random(plan.seed)
        self.record = Record(self.clock)
        self.network = Network(self.clock, self.random, plan.weather)
        self.store = Store(self.clock, self.random, self.record, plan.weather.store)
        self.server = Server(self.network, self.record, self.store, plan)
        self.lives = Lives(self)
        self.store.refused = self._refused
        self.conditions: Counter[str] = Counter()
        self.raylets: list[Raylet] = []
        self.clients = [Client(self, f"driver-{number}") for number in range(max(plan.clients, 1))]
        self.listeners: list[Client] = []
        self._numbers = 0
        self._incarnations: Counter[bytes] = Counter()
        self.owners: dict[int, Raylet] = {}
        self.order = Order()
        self.calm_from = 0.0
        self._parents: dict[int, Owner] = {}
        self._named: dict[tuple[str, str], bytes] = {}
        self.problem: Exception | None = None
        """What the GCS, or the simulation of what is around it, stumbled over."""

    @property
    def kills(self) -> int:
        return self.lives.kills

    @property
    def recoveries(self) -> int:
        return self.lives.recoveries

    # -- what the parts ask ----------------------------------------------------------------

    def reached(self, condition: str) -> None:
        self.conditions[condition] += 1

    def strikes(self, how: fault.Fault, who: str = "", facts: Mapping[str, Any] | None = None) -> None:
        """Say in the record that ``how`` has found what it breaks; ``who`` and ``facts``: of what proves that."""
        self.record.write("plan", *fault.told(how, who, facts))

    def _refused(self) -> None:
        kind, proof = fault.told(fault.FailStore())
        self.record.write("plan", kind, proof)
        self.record.write("fault", "the store fails", {"phase": "inject", **proof})

    def number(self) -> int:
        """A number that was not given before."""
        self._numbers += 1
        return self._numbers

    def worker_id(self, number: int) -> bytes:
        return names.made_up("worker", number, ids.UNIQUE)

    def incarnation(self, actor: bytes) -> int:
        """How often ``actor`` has been created, this time included."""
        self._incarnations[actor] += 1
        if self._incarnations[actor] > 1:
            self.reached("an actor is created again")
        return self._incarnations[actor]

    def acknowledged(self, method: str, request: Message) -> None:
        """A client's call was answered with OK."""
        if isinstance(request, m.RegisterActorRequest):
            spec = request.task_spec.actor_creation_task_spec
            place = (spec.ray_namespace, spec.name)
            if spec.name and self._named.setdefault(place, spec.actor_id) != spec.actor_id:
                self._named[place] = spec.actor_id
                self.reached("a name is taken over")

    def stirred(self, calm: float = CALM) -> None:
        """Something was mended or has begun: the closing look waits for so many seconds after it."""
        self.calm_from = max(self.calm_from, self.clock.now + calm)

    # -- the run ---------------------------------------------------------------------------

    def run(self) -> None:
        """Build the cluster, take every step, let all come to rest, and look."""
        facts = {"target": "reference", "release": "2.60.0", "namespace": NAMESPACE, "store": "redis",
                 "persistence": "aof", "ledger": True, "session": "s", "clock": "virtual"}  # fmt: skip
        self.record.write("cluster", "built", facts)
        self.record.write("plan", "health", {"notice": self.plan.health.notice})
        self._build()
        for number, step in enumerate(self.plan.steps, 1):
            self.clock.run(self.clock.now + step.pause)
            self._take(step, number)
        self.clock.run(self.clock.now + AFTERMATH)
        self.clock.run_until(lambda: self.lives.settled, LADDER)
        self.network.clear_up()
        self.lives.disarm()
        self.store.refuse_after = None
        close(self)
        self.record.write("case", "end")

    def _build(self) -> None:
        """The GCS serves, nodes have joined, and the first drivers have jobs."""
        self.server.start()
        self.clock.run_until(lambda: self.server.open, PATIENCE)
        for cpus in self.plan.nodes:
            self.add_node(cpus)
        for client in self.clients:
            client.connect()
        self.clock.run_until(lambda: all(one.registered for one in self.raylets), PATIENCE)
        for job in range(self.plan.jobs):
            self._attach(job)
            for do in (op.AddJob(job), op.AddWorker(job)):
                self.clients[0].ask(asking.asks(do, self._owner), 1, 0)
        self.clock.run(self.clock.now + SETTLING)

    def _take(self, step: Step, tag: int) -> None:
        do = step.do
        if isinstance(do, fault.Fault):
            break_down(self, do)
            return
        self.lives.doom(tag)
        if isinstance(do, op.UnregisterNode | op.DrainNode):
            self._take_out(do, step, tag)
        elif isinstance(do, op.Subscribe):
            client = Client(self, f"listener-{tag}")
            client.channel.cluster_id = self.clients[0].channel.cluster_id
            self.listeners.append(client)
            Listener(client, do, tag).subscribe()
        elif isinstance(do, op.Intrude):
            self._intrude(do, tag)
        else:
            job = asking.job_of(do)
            if job is not None:
                self._attach(job)
            owner = self._parent(do) if isinstance(do, op.StartActor) and do.owner >= 0 else None
            if isinstance(do, op.StartActor) and do.owner >= 0 and owner is None:
                return  # who would ask for it does not live
            client = self.clients[step.client % len(self.clients)]
            asks = asking.asks(do, lambda job: owner or self._owner(job))
            times = 0 if isinstance(do, ONCE) else step.times

            def send(answered: Callable[[], None]) -> None:
                if not isinstance(do, op.FinishJob) or self._driver_lives(do.job):
                    client.ask(asks, times, tag, answered)

            self.order.ask(do, send)

    def _take_out(self, do: op.UnregisterNode | op.DrainNode, step: Step, tag: int) -> None:
        """A node leaves by itself, or a client asks that it drains."""
        raylet = self.raylet(do.node)
        if raylet is None or not raylet.registered:
            return
        if isinstance(do, op.UnregisterNode):
            raylet.leave(goodbye(do.preempted, "asked to"))
        else:
            asks = [asking.drain(do, raylet.node_id, WALL + self.clock.now)]
            self.clients[step.client % len(self.clients)].ask(asks, step.times, tag)

    def _intrude(self, do: op.Intrude, tag: int) -> None:
        """A client of its own, which claims what it has no right to."""
        client = Client(self, f"intruder-{tag}")
        channel = client.channel
        channel.claims, channel.cluster_id = do.claims, self.clients[0].channel.cluster_id
        if do.claims == ANOTHER_CLUSTER:
            channel.cluster_id = "c0" * ids.UNIQUE
        elif channel.token is None:
            return
        else:
            channel.token = None if do.claims == NO_TOKEN else "a wrong one"
        self.listeners.append(client)
        client.ask(asking.asks(do, self._owner), 1, tag)

    def channels(self) -> list[Channel]:
        return [
            *(one.channel for one in (*self.clients, *self.listeners)),
            *(one.channel for one in self.raylets),
        ]

    # -- nodes and owners ------------------------------------------------------------------

    def add_node(self, cpus: float, head: bool = False) -> None:
        number = len(self.raylets)
        raylet = Raylet(self, number, names.node_id(number), cpus, head or number == 0)
        self.raylets.append(raylet)
        raylet.join()

    def raylet(self, number: int) -> Raylet | None:
        """The raylet of that number, if it lives."""
        found = self.raylets[number % len(self.raylets)] if self.raylets else None
        return None if found is None or found.gone else found

    def _home(self, job: int) -> Raylet:
        """The node on which the driver of ``job`` was started, or would be."""
        return self.owners.get(job, self.raylets[job % len(self.plan.nodes)])

    def _attach(self, job: int) -> None:
        home = self._home(job)
        if job not in self.owners and not home.gone:
            self.owners[job] = home
            home.attach(names.driver_id(job), DRIVER_PORT + job)

    def worker_of(self, actor: int) -> Worker | None:
        """The worker in which an actor lives, if it does."""
        actor_id = names.actor_id(actor)
        workers = (worker for raylet in self.raylets for worker in raylet.alive())
        return next((one for one in workers if one.actor_id == actor_id), None)

    def owner_of(self, actor: int) -> Driver | None:
        """The driver or worker that owns an actor, if it lives."""
        if (parent := self._parents.get(actor)) is not None:
            door = self.server.post.doors.get((parent.ip, parent.port))
            return door if isinstance(door, Driver) and door.worker_id == parent.worker_id else None
        home = self.owners.get(names.job_of(actor))
        return home.drivers.get(names.driver_id(names.job_of(actor))) if home is not None else None

    def _parent(self, do: op.StartActor) -> Owner | None:
        """The worker of the owning actor, as it was when the actor was first asked for."""
        worker = self.worker_of(do.owner)
        if do.actor not in self._parents and worker is not None:
            self.reached("an actor creates an actor")
            where = worker.address()
            job = names.job_id(names.job_of(do.actor))
            self._parents[do.actor] = Owner(job, worker.worker_id, where.node_id, IP, worker.port)
        return self._parents.get(do.actor)

    def _driver_lives(self, job: int) -> bool:
        home = self._home(job)
        return not home.gone and names.driver_id(job) in home.drivers

    def _owner(self, job: int) -> Owner:
        return Owner(names.job_id(job), names.driver_id(job), self._home(job).node_id, IP, DRIVER_PORT + job)


def forget(world: World) -> None:
    """Untie a world that nobody will look at again: a knot that collections of garbage take long to find."""
    parts = (world.record, world.clock, world.store, world.server, *world.raylets, *world.channels(),
             *world.clients, *world.listeners, world)  # fmt: skip
    for part in parts:
        vars(part).clear()


def simulate(plan: Plan, report: float = REPORT_S) -> World:
    """Carry out ``plan``; its record, and what was reached, are in the world that remains.

    What a broken GCS raises is kept as its ``problem``: then nothing was closed.
    """
    world = World(plan, report)
    try:
        world.run()
    except Exception as problem:  # noqa: BLE001  whatever a broken core raises is what is looked for
        world.problem = problem
    return world
