"""Who the cluster is, who may call, and whose keys are whose."""

from __future__ import annotations

from typing import Any

from reference_gcs.core import access, layout, recovery
from reference_gcs.core.state import Gcs
from reference_gcs.mutants.registry import SCENARIO, Original, mutant

IDENTITY = "test_identity.py::"


@mutant(
    access.refusal,
    breaks="C3",
    seen_by=("identity", SCENARIO),
    cases=[IDENTITY + "test_a_foreign_cluster_id_is_refused_without_effect"],
)
def trusts_any_cluster_id(
    refusal: Original, gcs: Gcs, method: str, _cluster_id: str | None, authorization: str | None
) -> str | None:
    """Serves callers that belong to another cluster."""
    found: str | None = refusal(gcs, method, None, authorization)
    return found


@mutant(
    access.refusal,
    breaks="C4",
    seen_by=("identity", SCENARIO),
    cases=[IDENTITY + "test_a_missing_cluster_id_is_accepted"],
)
def wants_a_cluster_id_of_everybody(
    refusal: Original, gcs: Gcs, method: str, cluster_id: str | None, authorization: str | None
) -> str | None:
    """Refuses callers that name no cluster id."""
    named = cluster_id if cluster_id is not None or method == access.BOOTSTRAP else ""
    found: str | None = refusal(gcs, method, named, authorization)
    return found


@mutant(
    access.refusal,
    breaks="C6",
    seen_by=("identity", SCENARIO),
    cases=[IDENTITY + "test_in_token_mode_every_call_needs_the_token"],
)
def takes_any_token(
    refusal: Original, gcs: Gcs, method: str, cluster_id: str | None, authorization: str | None
) -> str | None:
    """Lets callers in whose token is wrong, as long as they have one."""
    right = f"Bearer {gcs.config.token}" if authorization else authorization
    found: str | None = refusal(gcs, method, cluster_id, right)
    return found


@mutant(
    recovery._cluster_id_read,
    breaks="C1",
    seen_by=(SCENARIO,),
    cases=[IDENTITY + "test_the_cluster_id_is_made_once_and_kept"],
)
def makes_its_cluster_id_up_at_each_start(read: Original, gcs: Gcs, barrier: int, value: Any) -> None:
    """Has another cluster id after each restart."""
    read(gcs, barrier, value)
    if value is not None:
        gcs.cluster_id = gcs.random.randbytes(28)


@mutant(
    layout.redis_key,
    breaks="C5 S1",
    seen_by=("durable", "isolation", SCENARIO),
    cases=[IDENTITY + "test_nothing_outside_the_namespace_is_touched[alpha]"],
)
def writes_outside_its_namespace(redis_key: Original, namespace: str, table: str) -> bytes:
    """Keeps its workers in a hash that belongs to no namespace."""
    key: bytes = redis_key("" if table == layout.WORKERS else namespace, table)
    return key


@mutant(
    layout.redis_key,
    breaks="C2 C5",
    seen_by=("durable", "agreement", "isolation", "process", SCENARIO),
    cases=[IDENTITY + "test_two_clusters_in_one_store_do_not_see_each_other"],
)
def has_one_namespace_for_all(redis_key: Original, _namespace: str, table: str) -> bytes:
    """Shares its tables with every other cluster of the store."""
    key: bytes = redis_key("default", table)
    return key


@mutant(
    layout.redis_key,
    breaks="S1",
    seen_by=("agreement", SCENARIO),
    cases=["test_store.py::test_the_reference_and_the_target_take_over_from_each_other[reference]"],
)
def stores_nodes_elsewhere(redis_key: Original, namespace: str, table: str) -> bytes:
    """Keeps its nodes under another key than Ray does."""
    key: bytes = redis_key(namespace, "NODES" if table == layout.NODE else table)
    return key
