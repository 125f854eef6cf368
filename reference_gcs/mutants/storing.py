"""The way to the store: the fence, errors that are overheard, a silence that is not noticed."""

from __future__ import annotations

from typing import Any

from reference_gcs.core import layout
from reference_gcs.mutants.registry import POINT, SCENARIO, Original, mutant
from reference_gcs.redis_place import RedisPlace
from reference_gcs.resp import Connection
from reference_gcs.store import RedisStore


@mutant(
    RedisStore.__init__,
    breaks="S4",
    seen_by=("one writer", SCENARIO),
    cases=["test_one_active.py::test_a_hung_gcs_that_wakes_after_its_successor_took_over_writes_nothing"],
)
def writes_without_a_fence(init: Original, store: RedisStore, place: Any, *rest: Any) -> None:
    """Watches a fence that no other GCS ever moves."""
    init(store, place, *rest)
    store._fence = layout.redis_key(place.namespace, layout.FENCE + store._token.hex())


@mutant(
    RedisStore._commit,
    breaks="S2 D12",
    seen_by=("durable", "linearizable", SCENARIO),
    cases=[POINT + "InternalKVPut:1:error"],
)
async def overhears_that_a_write_failed(_commit: Original, store: RedisStore, batch: list[Any]) -> None:
    """Takes a write for done that Redis answered with an error."""
    refused, _problem = await store._commit_once(batch)
    for op, _command in refused:
        store._answered(op, True)


@mutant(
    RedisPlace.ask,
    breaks="S3",
    seen_by=(SCENARIO,),
    cases=["test_store.py::test_a_hung_store_is_noticed"],
)
async def waits_for_a_hung_store_for_ever(
    _ask: Original, _place: RedisPlace, connection: Connection, *commands: tuple[bytes, ...]
) -> list[Any]:
    """Does not notice that Redis has stopped to answer."""
    return await connection.send(*commands)


@mutant(
    RedisStore._commit,
    breaks="S2 L2",
    seen_by=("durable", "linearizable", SCENARIO),
    cases=[POINT + "InternalKVPut:1:cut"],
)
async def drops_writes_when_the_connection_breaks(
    commit: Original, store: RedisStore, batch: list[Any]
) -> None:
    """Takes the writes for done that were on their way when Redis hung up."""
    try:
        _refused, problem = await store._commit_once(batch)
    except OSError:
        for op, _command in batch:
            store._answered(op, True)
    else:
        if problem is not None:
            await commit(store, batch)
