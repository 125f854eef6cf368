"""Actors and placement groups as a driver makes them, or by hand where a driver has no wish for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.fuzz import names
from harness.fuzz import operations as op
from harness.fuzz.promoting.cast import Cast
from harness.fuzz.promoting.page import Page, number, quoted

CREATED = '''\
def created(driver: Driver, task: m.TaskSpec) -> None:
    """Register the actor of ``task``, and create it."""
    driver.gcs.checked("RegisterActor", m.RegisterActorRequest(task_spec=task))
    driver.gcs.checked("CreateActor", m.CreateActorRequest(task_spec=task))'''


@dataclass(frozen=True)
class Line:
    """``by`` begins ``call`` (one of its methods, or a bare one) with these arguments.

    ``made``: what is made before, by a call: its name, the function (none: it is a tuple) and the arguments;
    ``then``: what is said of it. Without ``by``, ``call`` is a helper that the driver begins.
    """

    by: str
    call: str
    arguments: tuple[str, ...] = ()
    made: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    then: tuple[str, ...] = ()


class Making:
    """Lines of one plan; ``cast`` names who and what they are about."""

    def __init__(self, page: Page, cast: Cast) -> None:
        self._page, self._cast = page, cast

    def bare(self, by: str, method: str, *fields: str, checked: bool = False) -> Line:
        """A request as it is: ``method`` with the fields of its message."""
        self._page.use("harness.wire", "messages as m")
        how = "checked" if checked else "control"
        return Line(by, f"gcs.{how}", (f'"{method}"', f"m.{method}Request({', '.join(fields)})"))

    def start_actor(self, what: op.StartActor) -> Line:
        driver = self._cast.driver(names.job_of(what.actor))
        wishes = self._wishes(what)
        if what.labelled or (what.node >= 0 and what.group < 0):
            return self._made_by_hand(what, driver, wishes)
        if not what.only:
            return Line(driver, "create_actor", wishes)
        step = "register_actor" if what.only == "register" else "instantiate_actor"
        return Line(driver, step, ("spec",), (("spec", f"{driver}.actor_spec", wishes),))

    def _wishes(self, what: op.StartActor) -> tuple[str, ...]:
        wishes = [f"actor_id={self._cast.actor(what.actor)}"]
        wishes += [f"name={quoted(what.name)}"] if what.name else []
        wishes += [f"ray_namespace={quoted(what.namespace)}"]
        wishes += ["detached=True"] if what.detached else []
        wishes += [f"max_restarts={what.restarts}"] if what.restarts else []
        if what.cpus != 1.0:
            wishes += ["resources={" + (f'"CPU": {number(what.cpus)}' if what.cpus else "") + "}"]
        if what.group >= 0:
            wishes += [f"placement_group={self._cast.group(what.group)}"]
            wishes += [f"bundle_index={what.bundle}"] if what.bundle >= 0 else []
        wishes += [f"creator_actor={self._cast.actor(what.owner)}"] if what.owner >= 0 else []
        if what.root >= 0 and not what.detached:
            wishes += [f"root_detached_actor={self._cast.actor(what.root)}"]
        return tuple(wishes)

    def _made_by_hand(self, what: op.StartActor, driver: str, wishes: tuple[str, ...]) -> Line:
        """One whose task has what a driver does not wish for: a node, a label."""
        self._page.use("harness.driver", "specs")
        self._page.use("harness.wire", "messages as m")
        made = (
            ("spec", f"{driver}.actor_spec", wishes),
            ("task", "specs.actor_task", (f"{driver}.owner", "spec")),
        )
        then = ['task.labels["made by"] = "gauntlet"'] if what.labelled else []
        if what.node >= 0 and what.group < 0:
            soft = ", soft=True" if what.soft else ""
            then += [
                "place = task.scheduling_strategy.node_affinity_scheduling_strategy",
                f"place.MergeFrom(m.NodeAffinitySchedulingStrategy(node_id={self._cast.node(what.node)}{soft}))",
            ]
        if what.only:
            method = "RegisterActor" if what.only == "register" else "CreateActor"
            line = self.bare(driver, method, "task_spec=task", checked=True)
            return replace(line, made=made, then=tuple(then))
        self._page.use("harness.driver.driver", "Driver")
        self._page.helpers["created"] = CREATED
        return Line("", "created", (driver, "task"), made, tuple(then))

    def start_group(self, what: op.StartGroup) -> Line:
        bundles = [f'{{"CPU": {number(cpus)}}}' for cpus in what.bundles]
        alike = len(bundles) > 1 and len(set(bundles)) == 1
        wishes = [f"[{bundles[0]}] * {len(bundles)}" if alike else f"[{', '.join(bundles)}]"]
        wishes += [f'strategy="{what.strategy}"'] if what.strategy != "PACK" else []
        wishes += [f"name={quoted(what.name)}"] if what.name else []
        wishes += ["detached=True"] if what.detached else []
        wishes += ["ready=False", f"group={self._cast.group(what.group)}"]
        return Line(self._cast.driver(names.job_of(what.group)), "create_placement_group", tuple(wishes))
