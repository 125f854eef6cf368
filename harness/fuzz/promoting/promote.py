"""``gauntlet promote``: a saved plan as a scenario ready to paste. Pure but for the reading of its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.fuzz import faults as fault
from harness.fuzz.brisk import LONGEST_FAULT, LONGEST_OUTAGE, LONGEST_PAUSE, brisk
from harness.fuzz.plan import Plan, consistent, read
from harness.fuzz.promoting.cast import Cast
from harness.fuzz.promoting.page import Page, number
from harness.fuzz.promoting.script import Script

LONGEST_LIST = 70
"""Of faults in a line, in letters."""
_STRIKES = (fault.CrashGcs, fault.FailStore)
_OF_REDIS = (fault.StallStore, fault.KillStore, fault.CutStore, fault.Rival)
MOST_NAMED = 5
"""Kinds of faults that have room in the line that says what a scenario does."""


def promoted(path: Path) -> str:
    """The scenario of the plan in the file at ``path``. EnvironmentProblem when there is none."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise EnvironmentProblem(f"{path} cannot be read: {problem}") from problem
    return promote(read(text))


def promote(plan: Plan) -> str:
    """``plan`` as a file below scenarios/ with one test, which acts as it does and waits for recovery.

    The checks judge the record, so the scenario asserts no more than that all comes back. What a scenario
    cannot say is said by what comes next to it: a job that is there from the start has the id that the GCS
    gives it, a request is sent by the driver of the job that it is about, who subscribes to one actor
    subscribes to all, and pauses below 5 ms are left out. A plan for virtual time is made :func:`brisk`.
    """
    plan = consistent(plan if _is_brisk(plan) else brisk(plan))
    _, cast = _written(plan)
    page, _ = _written(plan, cast.needed())
    decorators = ['@pytest.mark.promise("1", "2", "3", "4")']
    if "recover" in page.helpers or any(isinstance(one.do, (*_STRIKES, *_OF_REDIS)) for one in plan.steps):
        decorators += ['@pytest.mark.needs(store="redis")']
    signature = f"def test_plan_{plan.digest}(start: Callable[..., Cluster]) -> None"
    about = f"Plan {plan.digest} of the fuzzer as a scenario."
    return page.text(about, decorators, signature, _summary(plan))


def _written(plan: Plan, needed: Collection[str] | None = None) -> tuple[Page, Cast]:
    """The body, and who is in it; ``needed``: the names that are used."""
    page = Page()
    page.use("collections.abc", "Callable")
    page.use("pytest")
    page.use("harness.cluster", "Cluster")
    cast = Cast(page, plan, needed)
    _raise_curtain(page, plan, cast, Script(page, plan, cast))
    return page, cast


def _is_brisk(plan: Plan) -> bool:
    """Whether all of its times are short enough for real time."""
    longest = max(LONGEST_OUTAGE, plan.reconnect_limit * 1.5) if plan.reconnect_limit < 10 else LONGEST_OUTAGE
    times = [(one.pause, LONGEST_PAUSE) for one in plan.steps]
    times += [(getattr(one.do, "down", 0.0), longest) for one in plan.steps]
    times += [(getattr(one.do, "seconds", 0.0), max(LONGEST_FAULT, longest)) for one in plan.steps]
    return all(seconds <= most for seconds, most in times)


def _raise_curtain(page: Page, plan: Plan, cast: Cast, script: Script) -> None:
    """The cluster and who is in it, and then what happens."""
    alike = len(set(plan.nodes)) == 1 and not script.ways
    options = _options(page, plan, script)
    raylets = len(plan.nodes) if alike else 0 if script.ways else 1
    options = [f"raylets={raylets}", *([f"cpus={number(plan.nodes[0])}"] if raylets else []), *options]
    later = script.ways or not cast.has_head_driver
    page.call("start", [*options, *(["driver=False"] if later else [])], "cluster")
    if script.ways:
        page.use("harness.fuzz.promoting.ways", "Ways")
        page.open("with Ways(cluster) as ways")
        for cpus in plan.nodes:
            page.call("ways.add_raylet", [number(cpus)])
        if cast.has_head_driver:
            page.say("cluster.add_driver()")
    else:
        for cpus in plan.nodes[raylets:]:
            page.call("cluster.add_raylet", [f'{{"CPU": {number(cpus)}}}'])
    if any(isinstance(one.do, fault.BreakLinks) for one in plan.steps):
        page.say("assert cluster.front is not None")
    cast.introduce()
    script.write()
    if script.ways:
        page.close()


def _options(page: Page, plan: Plan, script: Script) -> list[str]:
    """How the cluster differs from the usual one."""
    found = []
    if script.ways:
        if plan.health == Plan().health:
            page.use("harness.cluster.control_plane", "PATIENT_HEALTH")
            found.append("config=PATIENT_HEALTH")
        page.use("harness.cluster.cluster", "TALKING")
        found.append("raylet=TALKING")
    if plan.reconnect_limit != Plan().reconnect_limit:
        found.append(f"reconnect_limit={number(plan.reconnect_limit)}")
    if any(isinstance(one.do, fault.BreakLinks) for one in plan.steps):
        found.append("fronted=True")
    if any(isinstance(one.do, fault.KillStore) for one in plan.steps):
        found.append('store="redis+aof"')
    leaving = ("KillNode", "UnregisterNode", "DrainNode")
    if plan.reconnect_limit < Plan().reconnect_limit or any(
        type(one.do).__name__ in leaving for one in plan.steps
    ):
        found.append("lasting=True")
    return found


def _summary(plan: Plan) -> str:
    """A line on what it does."""
    kinds = Counter(type(one.do).__name__ for one in plan.steps if isinstance(one.do, fault.Fault))
    broken = ", ".join(f"{name} {count}x" if count > 1 else name for name, count in kinds.items())
    if len(kinds) > MOST_NAMED:
        broken = f"{kinds.total()} faults of {len(kinds)} kinds"
    requests = f"{plan.operations} request{'s' if plan.operations != 1 else ''}"
    if not broken:
        return f"{requests}, and nothing is broken."
    if len(broken) > LONGEST_LIST:
        broken = f"{kinds.total()} faults"
    return f"{requests} and {broken}: all comes back."
