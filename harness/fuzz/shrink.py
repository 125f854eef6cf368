"""The shortest plan that still fails: steps are left out, then what remains is made plainer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from harness.fuzz.legality import violations
from harness.fuzz.plan import Health, Plan, Step, Weather

Fails = Callable[[Plan], bool]


def shrink(plan: Plan, fails: Fails) -> Plan:
    """A plan no part of which can be left out. ``fails`` is asked about each plan once, by its digest.

    ``fails(plan)`` itself must hold. Whoever runs out of time answers False from then on. What is left of a
    legal plan is legal: it fails for the same reason.
    """
    asked: dict[str, bool] = {}
    legal = not violations(plan)

    def still(candidate: Plan) -> bool:
        if legal and violations(candidate):
            return False
        if candidate.digest not in asked:
            asked[candidate.digest] = fails(candidate)
        return asked[candidate.digest]

    while True:
        before = plan
        plan = _fewer(plan, still)
        for candidate in _plainer(plan):
            if still(candidate):
                plan = candidate
                break
        if plan == before:
            return plan


def _fewer(plan: Plan, fails: Fails) -> Plan:
    """Leave out runs of steps, the long ones first."""
    size = max(1, len(plan.steps) // 2)
    while True:
        place = 0
        while place < len(plan.steps):
            candidate = replace(plan, steps=plan.steps[:place] + plan.steps[place + size :])
            if fails(candidate):
                plan = candidate
            else:
                place += size
        if size == 1:
            return plan
        size = max(1, size // 2)


def _plainer(plan: Plan) -> Iterator[Plan]:
    """Plans that differ in one thing, which is plainer in them."""
    if plan.weather != Weather():
        yield replace(plan, weather=Weather())
    for one in fields(Weather):
        if getattr(plan.weather, one.name):
            yield replace(plan, weather=replace(plan.weather, **{one.name: 0.0}))
    if len(plan.nodes) > 1:
        yield replace(plan, nodes=plan.nodes[:1])
        yield replace(plan, nodes=plan.nodes[:-1])
    plainest: dict[str, Any] = {"clients": 1, "jobs": 1, "seed": 0, "reconnect_limit": 60.0, "token": False}
    plainest["health"] = Health()
    for name, value in plainest.items():
        if getattr(plan, name) != value:
            yield replace(plan, **{name: value})
    for place, step in enumerate(plan.steps):
        for plainer in _plainer_steps(step):
            yield replace(plan, steps=(*plan.steps[:place], plainer, *plan.steps[place + 1 :]))


def _plainer_steps(step: Step) -> Iterator[Step]:
    plainest: dict[str, Any] = {"times": 1, "client": 0, "pause": 0.05}
    for name, value in plainest.items():
        if getattr(step, name) != value:
            yield replace(step, **{name: value})
    for one in fields(step.do):
        value = getattr(step.do, one.name)
        for plainer in _plainer_values(value, one.default):
            yield replace(step, do=replace(step.do, **{one.name: plainer}))


def _plainer_values(value: Any, usual: Any) -> Iterator[Any]:
    if value == usual:
        return
    yield usual
    if isinstance(value, tuple):
        yield from (value[:place] + value[place + 1 :] for place in range(len(value)))
    elif isinstance(value, int) and not isinstance(value, bool) and value > 1:
        yield value // 2
        yield value - 1
