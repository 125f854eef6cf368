"""What a plan asks, in the words of a driver; as a bare message where a driver has no word for it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.driver.specs import Owner
from harness.fuzz import asking
from harness.fuzz import operations as op
from harness.fuzz.promoting.cast import Cast
from harness.fuzz.promoting.making import Line, Making
from harness.fuzz.promoting.page import Page, octets, quoted
from harness.fuzz.promoting.spelling import spelt

FEW = 3
"""Keys of one request that fit in a line."""


class Asks:
    """Operations of one plan as lines; ``cast`` names who and what they are about."""

    def __init__(self, page: Page, cast: Cast) -> None:
        self._page, self._cast = page, cast
        self._making = Making(page, cast)
        self._bare = self._making.bare

    def line(self, what: op.Operation, client: int) -> Line:
        """How ``client`` asks for ``what``: the drivers of jobs for what is theirs."""
        asks: Callable[[Any, str], Line] = getattr(self, f"_{_snake(type(what).__name__)}")
        return asks(what, self._cast.client(client))

    # Jobs

    def _add_job(self, what: op.AddJob, _by: str) -> Line:
        self._page.use("harness.driver", "specs")
        driver = self._cast.driver(what.job)
        return self._bare(driver, "AddJob", f"data=specs.job({driver}.owner, {100 + what.job})")

    def _finish_job(self, what: op.FinishJob, by: str) -> Line:
        driver = self._cast.driver(what.job)
        return Line(driver or by, "finish_job", () if driver else (self._cast.job(what.job),))

    def _next_job_id(self, _what: op.NextJobId, by: str) -> Line:
        return Line(by, "next_job_id")

    def _list_jobs(self, what: op.ListJobs, by: str) -> Line:
        return self._spelt(what, by)

    # Actors

    def _start_actor(self, what: op.StartActor, _by: str) -> Line:
        return self._making.start_actor(what)

    def _kill_actor(self, what: op.KillActor, by: str) -> Line:
        more = ("no_restart=False",) if what.restart else ()
        return Line(by, "kill_actor", (self._cast.actor(what.actor), *more))

    def _forget_actor(self, what: op.ForgetActor, by: str) -> Line:
        return self._bare(
            by, "ReportActorOutOfScope", f"actor_id={self._cast.actor(what.actor)}", checked=True
        )

    def _revive_actor(self, what: op.ReviveActor, by: str) -> Line:
        count = f"num_restarts_due_to_lineage_reconstruction={what.restarts}"
        actor = f"actor_id={self._cast.actor(what.actor)}"
        return self._bare(by, "RestartActorForLineageReconstruction", actor, count, checked=True)

    def _get_actor(self, what: op.GetActor, by: str) -> Line:
        return Line(by, "actor", (self._cast.actor(what.actor),))

    def _get_named_actor(self, what: op.GetNamedActor, by: str) -> Line:
        return Line(by, "actor_named", (quoted(what.name), quoted(what.namespace)))

    def _list_actors(self, what: op.ListActors, by: str) -> Line:
        return self._spelt(what, by)

    # Placement groups

    def _start_group(self, what: op.StartGroup, _by: str) -> Line:
        return self._making.start_group(what)

    def _remove_group(self, what: op.RemoveGroup, by: str) -> Line:
        return Line(by, "remove_placement_group", (self._cast.group(what.group),))

    def _wait_group(self, what: op.WaitGroup, by: str) -> Line:
        return Line(by, "wait_placement_group", (self._cast.group(what.group),))

    def _get_group(self, what: op.GetGroup, by: str) -> Line:
        return Line(by, "placement_group", (self._cast.group(what.group),))

    def _get_named_group(self, what: op.GetNamedGroup, by: str) -> Line:
        return self._bare(by, "GetNamedPlacementGroup", f"name={quoted(what.name)}")

    def _list_groups(self, what: op.ListGroups, by: str) -> Line:
        return self._spelt(what, by)

    # Key-values

    def _put(self, what: op.Put, by: str) -> Line:
        more = [] if what.overwrite else ["overwrite=False"]
        value = octets(what.value, what.copies)
        return Line(by, "put", (octets(what.key), value, *_inside(what.namespace), *more))

    def _get(self, what: op.Get, by: str) -> Line:
        return Line(by, "get", (octets(what.key), *_inside(what.namespace)))

    def _read(self, what: op.Read, by: str) -> Line:
        keys, namespace = [octets(one) for one in what.keys], f"namespace={octets(what.namespace)}"
        if what.how == "MultiGet":
            if len(keys) <= FEW:
                return self._bare(by, "InternalKVMultiGet", f"keys=[{', '.join(keys)}]", namespace)
            line = self._bare(by, "InternalKVMultiGet", "keys=keys", namespace)
            return replace(line, made=(("keys", "", tuple(keys)),))
        first = keys[0] if keys else 'b""'
        if what.how == "Exists":
            return self._bare(by, "InternalKVExists", f"key={first}", namespace)
        return Line(by, "keys", (first, *_inside(what.namespace)))

    def _delete(self, what: op.Delete, by: str) -> Line:
        more = ["by_prefix=True"] if what.prefix else []
        return Line(by, "delete", (octets(what.key), *_inside(what.namespace), *more))

    # Workers, messages, nodes

    def _add_worker(self, what: op.AddWorker, _by: str) -> Line:
        self._page.use("harness.driver", "specs")
        driver = self._cast.driver(what.job)
        return self._bare(
            driver, "AddWorkerInfo", f"worker_data=specs.worker({driver}.owner, {100 + what.job})"
        )

    def _get_workers(self, what: op.GetWorkers, by: str) -> Line:
        if what.every:
            return self._spelt(what, by)
        self._page.use("harness.wire", "ids")
        return self._bare(by, "GetWorkerInfo", f"worker_id=ids.driver_worker_id({self._cast.job(what.job)})")

    def _report_worker(self, what: op.ReportWorker, by: str) -> Line:
        worker = self._cast.stranger()
        where = f"worker_address=m.Address(node_id=cluster.head.node_id, worker_id={worker})"
        fields = (where, "exit_type=m.SYSTEM_ERROR", 'exit_detail="gone"')
        line = self._bare(by, "ReportWorkerFailure", "worker_failure=stranger")
        return replace(line, made=(("stranger", "m.WorkerTableData", fields),))

    def _publish(self, what: op.Publish, by: str) -> Line:
        self._page.use("harness.wire", "messages as m")
        error = f"error_info_message=m.ErrorTableData(error_message={quoted(what.text)})"
        fields = ("channel_type=m.RAY_ERROR_INFO_CHANNEL", 'key_id=b"e"', error)
        request = "m.GcsPublishRequest(pub_messages=[error])"
        method = '"ObservabilityPubSubService.GcsPublish"'
        return Line(by, "gcs.control", (method, request), (("error", "m.PubMessage", fields),))

    def _get_nodes(self, what: op.GetNodes, by: str) -> Line:
        if what.how == "alive" and what.nodes == op.GetNodes.nodes:
            self._page.use("harness.wire", "ids")
            return self._bare(by, "CheckAlive", "node_ids=[cluster.head.node_id, ids.unique_id()]")
        return self._spelt(what, by)

    def _intrude(self, what: op.Intrude, by: str) -> Line:
        line = self._spelt(what, by)
        claim = {op.ANOTHER_CLUSTER: 'cluster_id=b"\\xc0" * 28', op.ANOTHER_TOKEN: 'token="a wrong one"'}
        more = (claim[what.claims],) if what.claims in claim else ()
        return Line(line.by, "gcs.call", (*line.arguments, *more), line.made, line.then)

    def _spelt(self, what: op.Operation, by: str) -> Line:
        """A small request, as it is."""
        self._page.use("harness.wire", "messages as m")
        ((name, request),) = asking.asks(what, _nobody)
        bare = name.partition(".")[2]
        method = name if "PubSub" in name else bare
        return Line(by, "gcs.control", (f'"{method}"', spelt(request, self._cast.ids_in(request))))


def _nobody(_job: int) -> Owner:
    """The requests that are spelt out have no owner."""
    return Owner(b"", b"", b"", "", 0)


def _inside(namespace: str) -> list[str]:
    return [] if namespace == "gauntlet" else [f"namespace={octets(namespace)}"]


def _snake(name: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name).removeprefix("_")
