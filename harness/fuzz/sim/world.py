"""A whole cluster in virtual time, and a plan carried out on it. The same plan gives the same record, byte for byte."""

from __future__ import annotations

from collections import Counter
from random import Random

from google.protobuf.message import Message

from harness.driver.specs import Owner
from harness.fuzz import asking, names
from harness.fuzz import faults as fault
from harness.fuzz import operations as op
from harness.fuzz.plan import Plan, Step, consistent
from harness.fuzz.sim.breaking import break_down
from harness.fuzz.sim.channel import Channel, Network
from harness.fuzz.sim.client import Client, Listener
from harness.fuzz.sim.clock import Clock
from harness.fuzz.sim.looking import close
from harness.fuzz.sim.raylet import Raylet
from harness.fuzz.sim.record import NAMESPACE, Record
from harness.fuzz.sim.server import Server
from harness.fuzz.sim.store import Store
from harness.fuzz.sim.workers import IP
from harness.wire import ids
from harness.wire import messages as m

SETTLING = 0.3
"""Seconds that pass before the first step, when all is up."""
AFTERMATH = 1.0
"""Seconds in which what was armed may still strike after the last step."""
PATIENCE = 60.0
DRIVER_PORT = 30_000


class World:
    """``coverage``: the kinds of steps that were carried out, and the conditions that were reached, with counts."""

    def __init__(self, plan: Plan) -> None:
        self.plan = consistent(plan)
        self.clock = Clock()
        self.random = Random(plan.seed)
        self.record = Record(self.clock)
        self.network = Network(self.clock, self.random, plan.weather)
        self.store = Store(self.clock, self.random, self.record, plan.weather.store)
        self.server = Server(self.network, self.record, self.store, plan.seed)
        self.server.struck = self._struck
        self.server.died = self._died
        self.server.opened = self._opened
        self.store.refused = lambda: self.record.write("fault", "the store fails", {"phase": "inject"})
        self.conditions: Counter[str] = Counter()
        self.kills = 0
        self.recoveries = 0
        self.raylets: list[Raylet] = []
        self.clients = [Client(self, f"driver-{number}") for number in range(max(plan.clients, 1))]
        self.listeners: list[Client] = []
        self._numbers = 0
        self._incarnations: Counter[bytes] = Counter()
        self.owners: dict[int, Raylet] = {}
        self._named: dict[tuple[str, str], bytes] = {}
        self.next_crash: fault.CrashGcs | None = None
        self.crash: fault.KillGcs | fault.CrashGcs | None = None
        self.crashes_left: list[int] = []
        self.restart_after = 0.1
        self._killed_young = 0

    # -- what the parts ask ----------------------------------------------------------------

    def reached(self, condition: str) -> None:
        self.conditions[condition] += 1

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

    # -- the run ---------------------------------------------------------------------------

    def run(self) -> None:
        """Build the cluster, take every step, let all come to rest, and look."""
        facts = {"target": "reference", "release": "2.60.0", "namespace": NAMESPACE, "store": "redis",
                 "persistence": "aof", "ledger": True, "session": "s"}  # fmt: skip
        self.record.write("cluster", "built", facts)
        self._build()
        for number, step in enumerate(self.plan.steps, 1):
            self.clock.run(self.clock.now + step.pause)
            self._take(step, number)
        self.clock.run(self.clock.now + AFTERMATH)
        self.network.clear_up()
        self.next_crash = None
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
        if self.next_crash is not None and self.server.alive:
            self.crash, self.next_crash = self.next_crash, None
            self.server.doomed_tag, self.server.budget = tag, self.crash.effects
        if isinstance(do, op.UnregisterNode):
            if (raylet := self.raylet(do.node)) is not None and raylet.registered:
                raylet.leave()
        elif isinstance(do, op.Subscribe):
            client = Client(self, f"listener-{tag}")
            client.channel.cluster_id = self.clients[0].channel.cluster_id
            self.listeners.append(client)
            Listener(client, do, tag).subscribe()
        else:
            job = asking.job_of(do)
            if job is not None:
                self._attach(job)
            client = self.clients[step.client % len(self.clients)]
            client.ask(asking.asks(do, self._owner), step.times, tag)

    def channels(self) -> list[Channel]:
        return [
            *(one.channel for one in (*self.clients, *self.listeners)),
            *(one.channel for one in self.raylets),
        ]

    # -- nodes and owners ------------------------------------------------------------------

    def add_node(self, cpus: float) -> None:
        number = len(self.raylets)
        raylet = Raylet(self, number, names.node_id(number), cpus, head=number == 0)
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

    def _owner(self, job: int) -> Owner:
        return Owner(names.job_id(job), names.driver_id(job), self._home(job).node_id, IP, DRIVER_PORT + job)

    # -- the end of a GCS ------------------------------------------------------------------

    def kill(self, how: fault.KillGcs | fault.CrashGcs) -> None:
        if not self.server.alive:
            return
        serving = self.server.open
        self.kills += 1
        self._killed_young = 0 if serving else self._killed_young + 1
        if self._killed_young == 2:
            self.reached("two kills within one recovery")
        left = self.server.kill(how.applied)
        if left > how.applied:
            self.reached("a write is lost with its GCS")
        if left and how.applied:
            self.reached("a write takes place after its GCS")
        self._look_at_tears()
        self._start_later(how.down)

    def _start_later(self, down: float) -> None:
        self.restart_after = down
        self.clock.after(max(down, 0.001), self._start)

    def _start(self) -> None:
        if self.server.alive:
            return
        if self.crashes_left:
            self.server.doomed_tag, self.server.budget = None, self.crashes_left.pop(0)
        self.server.start()

    def _struck(self, _tag: int) -> None:
        """The GCS was to die at this effect."""
        how = self.crash or fault.KillGcs()
        if isinstance(how, fault.CrashGcs) and self.crash is not None:
            self.crashes_left += how.recoveries
        self.reached("a crash between two effects" if self.server.open else "a crash during recovery")
        self.crash = fault.KillGcs(how.down, how.applied)
        self.kill(self.crash)

    def _died(self, _why: str) -> None:
        self.kills += 1
        self.reached("the GCS gives up a store that fails")
        self.record.write("fault", "the store fails", {"phase": "healed"})
        self._start_later(self.restart_after)

    def _opened(self) -> None:
        if self.server.life:
            self.recoveries += 1
        self._killed_young = 0

    def _look_at_tears(self) -> None:
        """What a crash left half done."""
        rows = self.store.tables
        if rows.get("ACTOR_TASK_SPEC", {}).keys() - rows.get("ACTOR", {}).keys():
            self.reached("a crash between the two writes of RegisterActor")
        if any(one.state == "gone" for one in self.raylets):
            self.reached("a GCS dies after a node")
        bundles = [one for raylet in self.raylets if not raylet.gone for one in raylet.book.bundles.values()]
        if any(not one.committed for one in bundles):
            self.reached("a crash between prepare and commit")


def simulate(plan: Plan) -> World:
    """Carry out ``plan``; its record, and what was reached, are in the world that remains."""
    world = World(plan)
    world.run()
    return world
