"""Who and what a promoted plan is about: drivers, clients, actors and groups, by the names that they get. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial

from google.protobuf.message import Message

from harness.fuzz import asking, names
from harness.fuzz import operations as op
from harness.fuzz.faults import FAULTS, Fault
from harness.fuzz.plan import Plan
from harness.fuzz.promoting.page import Page

LATE_DRIVER = '''\
def late_driver(cluster: Cluster, number: int, home: RayletHandle) -> Driver:
    """A driver on ``home`` whose job the GCS has not heard of."""
    driver = cluster.add_driver(home, connect=False)
    job = ids.job_id(number)
    worker = ids.driver_worker_id(job)
    driver.owner = Owner(job, worker, home.node_id, home.address, home.attach_driver(worker))
    return driver'''


class Cast:
    """The names of a plan's people and things. ``used``: those that its steps have mentioned so far."""

    def __init__(self, page: Page, plan: Plan, needed: Collection[str] | None = None) -> None:
        """``needed``: the names that will be used; the others get none. None: nobody knows yet."""
        self._page, self._plan, self._needed = page, plan, needed
        self.used: set[str] = set()
        self._jobs = {*range(plan.jobs), *_mentioned(plan)}
        self._clients: dict[int, str] = {}

    def introduce(self) -> None:
        """Write who is there from the beginning."""
        for job in sorted(self._jobs):
            self._introduce_driver(job)
        asked = {one.client % max(self._plan.clients, 1) for one in self._plan.steps if _asks(one.do)}
        if not self._jobs:
            asked.add(0)
        for client in sorted(asked - self._jobs):
            self._clients[client] = f"client{client or ''}"
            name = self._clients[client]
            if self._is_needed(name) or not self._jobs:
                kept = name if self._is_needed(name) else ""
                self._page.call("cluster.add_driver", ["connect=False"], kept)
        for actor in sorted(_actors(self._plan)):
            self._thing(f"a{actor}", "actor_id", names.job_of(actor))
        for group in sorted(_groups(self._plan)):
            self._thing(f"g{group}", "placement_group_id", names.job_of(group))
        self.used.clear()

    def needed(self) -> set[str]:
        """What must have a name, after all steps: what they mention, and the drivers whose jobs that is of."""
        owned = [one for one in self.used if one[1:].isdigit()]
        return self.used | {self.driver(names.job_of(int(one[1:]))) for one in owned}

    def _is_needed(self, name: str) -> bool:
        return self._needed is None or name in self._needed

    @property
    def has_head_driver(self) -> bool:
        """Whether a driver with a job stands on the head from the start."""
        return self._plan.jobs > 0

    def has(self, job: int) -> bool:
        """Whether ``job`` has a driver."""
        return job in self._jobs

    def driver(self, job: int) -> str:
        """The driver of ``job``; '' when it has none."""
        return self.mention(f"driver{job or ''}") if job in self._jobs else ""

    def mention(self, name: str) -> str:
        """``name``, which is used now."""
        self.used.add(name)
        return name

    def client(self, number: int) -> str:
        """Who asks what the plan's client of that number asks; to be :meth:`mention`ed where it does."""
        number %= max(self._plan.clients, 1)
        return self._clients.get(number) or f"driver{number or ''}"

    def job(self, job: int) -> str:
        """The id of a job."""
        if job >= 0 and self.driver(job):
            return f"{self.driver(job)}.job"
        return self._ids(f"ids.job_id({names.FIRST_JOB + job})")

    def actor(self, actor: int) -> str:
        return self.mention(f"a{actor}") if actor >= 0 else self._unknown("actor_id")

    def group(self, group: int) -> str:
        return self.mention(f"g{group}") if group >= 0 else self._unknown("placement_group_id")

    def node(self, number: int) -> str:
        """The id of the raylet of that number, if the plan begins with it."""
        there = number < len(self._plan.nodes)
        return f"cluster.raylets[{number}].node_id" if there else self._ids("ids.unique_id()")

    def ids_in(self, message: Message) -> dict[bytes, str]:
        """The expressions for those ids of the plan that ``message`` has."""
        actors, groups = (
            range(max(_actors(self._plan), default=-1) + 1),
            range(max(_groups(self._plan), default=-1) + 1),
        )
        sent = message.SerializeToString()
        makers: list[tuple[bytes, Callable[[], str]]] = [
            *((names.actor_id(one), partial(self.actor, one)) for one in actors),
            *((names.group_id(one), partial(self.group, one)) for one in groups),
            *((names.job_id(one), partial(self.job, one)) for one in range(names.JOBS)),
            *((names.node_id(one), partial(self.node, one)) for one in range(10)),
        ]
        return {raw: make() for raw, make in makers if raw in sent or raw.hex().encode() in sent}

    def stranger(self) -> str:
        """An id of a worker that nobody knows."""
        return self._ids("ids.unique_id()")

    def _unknown(self, maker: str) -> str:
        return self._ids(f"ids.{maker}({self.job(0)})")

    def _ids(self, expression: str) -> str:
        self._page.use("harness.wire", "ids")
        return expression

    def _introduce_driver(self, job: int) -> None:
        name = f"driver{job or ''}"
        kept = name if self._is_needed(name) else ""
        home = f"cluster.raylets[{job % len(self._plan.nodes)}]"
        if job >= self._plan.jobs:
            if kept:
                self._introduce_late(job, home, kept)
        elif job > 0:
            self._page.call("cluster.add_driver", [home] if job % len(self._plan.nodes) else [], kept)
        elif kept:
            self._page.say("driver = cluster.driver")

    def _introduce_late(self, job: int, home: str, name: str) -> None:
        self._page.helpers["late_driver"] = LATE_DRIVER
        for module, imported in (
            ("harness.driver.driver", "Driver"), ("harness.driver.specs", "Owner"),
            ("harness.raylet.handles", "RayletHandle"), ("harness.wire", "ids"),
        ):  # fmt: skip
            self._page.use(module, imported)
        self._page.call("late_driver", ["cluster", str(names.FIRST_JOB + job), home], name)

    def _thing(self, name: str, maker: str, job: int) -> None:
        if self._is_needed(name):
            self._page.use("harness.wire", "ids")
            self._page.call(f"ids.{maker}", [self.job(job)], name)


def _asks(do: object) -> bool:
    return not isinstance(do, (*FAULTS, op.UnregisterNode))


def _mentioned(plan: Plan) -> Iterable[int]:
    """Jobs whose drivers the steps start."""
    found = [asking.job_of(one.do) for one in plan.steps if not isinstance(one.do, Fault)]
    return [job for job in found if job is not None]


def _actors(plan: Plan) -> set[int]:
    found = {getattr(one.do, "actor", -1) for one in plan.steps if not isinstance(one.do, op.Subscribe)}
    creators = {
        one for step in plan.steps for one in (getattr(step.do, "owner", -1), getattr(step.do, "root", -1))
    }
    return {one for one in found | creators if one >= 0}


def _groups(plan: Plan) -> set[int]:
    found = {getattr(one.do, "group", -1) for one in plan.steps}
    return {one for one in found if one >= 0}
