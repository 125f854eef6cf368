"""The system config: Ray's keys with their defaults, and what --config_list or RAY_<key> changed.

Source of the defaults: contract section 5 (ray_config_def.h). Times are in seconds here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULTS: dict[str, int | float | bool | str] = {
    "external_storage_namespace": "default",
    "enable_cluster_auth": True,
    "health_check_initial_delay_ms": 5000,
    "health_check_period_ms": 3000,
    "health_check_timeout_ms": 10000,
    "health_check_failure_threshold": 5,
    "subscriber_timeout_ms": 300000,
    "publish_batch_size": 5000,
    "gcs_pull_resource_loads_period_milliseconds": 1000,
    "gcs_lease_worker_retry_interval_ms": 200,
    "gcs_create_actor_retry_interval_ms": 200,
    "gcs_create_placement_group_retry_min_interval_ms": 100,
    "gcs_create_placement_group_retry_max_interval_ms": 1000,
    "gcs_create_placement_group_retry_multiplier": 1.5,
    "maximum_gcs_destroyed_actor_cached_count": 100000,
    "maximum_gcs_dead_node_cached_count": 1000,
    "redis_db_connect_retries": 120,
    "redis_db_connect_wait_milliseconds": 500,
    "num_redis_request_retries": 5,
    "redis_retry_base_ms": 100,
    "redis_retry_multiplier": 2,
    "redis_retry_max_ms": 1000,
    "gcs_redis_heartbeat_interval_milliseconds": 100,
    # Ours: how long Redis may leave a command unanswered before the GCS gives itself up.
    "gauntlet_redis_hang_timeout_ms": 10000,
    # Ours: how long a node may owe its answer to ReleaseUnused... before others go ahead without it.
    "gauntlet_release_patience_ms": 10000,
    # Ours: how long a raylet may take over PrepareBundleResources.
    "gauntlet_prepare_timeout_ms": 10000,
}


@dataclass(frozen=True)
class Config:
    """Settled settings. ``given`` is what the config list held, as GetInternalConfig returns it."""

    values: Mapping[str, Any] = field(default_factory=dict)
    given: str = "{}"
    token: str | None = None
    """The bearer token every call must carry; None when token mode is off."""

    def get(self, key: str) -> Any:
        return self.values.get(key, DEFAULTS[key])

    def seconds(self, key: str) -> float:
        """A key in milliseconds, as seconds."""
        return float(self.get(key)) / 1000.0


def settle(given: str, environment: Mapping[str, str], token: str | None = None) -> Config:
    """A Config of the config list's JSON text and the environment, which wins.

    ValueError when ``given`` is no JSON object, a value does not fit its key, or the storage
    namespace contains an '@' (it would make keys ambiguous).
    """
    listed = json.loads(given) if given else {}
    if not isinstance(listed, dict):
        raise ValueError(f"the config list is not a JSON object: {given[:80]}")
    values: dict[str, Any] = {}
    for key, default in DEFAULTS.items():
        raw = environment.get(f"RAY_{key}", listed.get(key))
        if raw is not None:
            values[key] = _as_type_of(default, key, raw)
    config = Config(values, given or "{}", token)
    if "@" in config.get("external_storage_namespace"):
        raise ValueError("external_storage_namespace must not contain '@'")
    return config


def _as_type_of(default: Any, key: str, raw: Any) -> Any:
    if isinstance(default, bool):
        return raw if isinstance(raw, bool) else str(raw).lower() in ("1", "true")
    try:
        return float(raw) if isinstance(default, int | float) else str(raw)
    except ValueError:
        raise ValueError(f"{key} must be a number, not {raw!r}") from None
