"""All flows, by name, and which of them a run is about."""

from __future__ import annotations

from collections.abc import Collection

from harness.crashpoint.flow import Flow
from harness.crashpoint.points import NoSuchPoint
from harness.crashpoint.recovery import RECOVERING
from harness.crashpoint.requests import CONFLICTS, SINGLE
from harness.crashpoint.steps import STEPS
from harness.wire.dialect import Dialect

FLOWS: dict[str, Flow] = {flow.name: flow for flow in (*SINGLE, *CONFLICTS, *STEPS, RECOVERING)}


def flow_named(name: str) -> Flow:
    """NoSuchPoint for a name that is no flow's."""
    if name not in FLOWS:
        raise NoSuchPoint(f"there is no flow {name!r}; there are {', '.join(FLOWS)}")
    return FLOWS[name]


def chosen(dialect: Dialect, only: Collection[str] = ()) -> list[Flow]:
    """The flows that a GCS of ``dialect`` has, those kept together that share a kind of stand.

    ``only``: names of flows, or of RPCs for all their forms; NoSuchPoint for a name that is neither.
    """
    known = [flow for flow in FLOWS.values() if flow.known_to(dialect)]
    for name in only:
        if not any(name in _names(flow) for flow in known):
            raise NoSuchPoint(
                f"{name!r} is neither an RPC nor a flow of {dialect.release}; "
                f"there are {', '.join(flow.name for flow in known)}"
            )
    wanted = [flow for flow in known if not only or any(name in _names(flow) for name in only)]
    kinds = list(dict.fromkeys(flow.kind for flow in wanted))
    return sorted(wanted, key=lambda flow: kinds.index(flow.kind))


def _names(flow: Flow) -> tuple[str, ...]:
    return flow.name, flow.name.partition("+")[0], flow.name.removeprefix("flow.")
