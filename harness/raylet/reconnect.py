"""When a raylet that cannot reach the GCS gives up: a pure state machine.

The rule is Ray's (``retryable_grpc_client.cc``): the clock starts at the first *failed retryable
call*, not at the disconnect; a channel that is ready again resets it; once it has run for
``gcs_rpc_server_reconnect_timeout_s`` the process ends. The channel's state is looked at before
the clock, so a process that slept past its deadline and finds the GCS back lives on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LIMIT_VARIABLE = "RAY_gcs_rpc_server_reconnect_timeout_s"
DEFAULT_LIMIT_S = 60.0  # ray_config_def.h: gcs_rpc_server_reconnect_timeout_s


class State(StrEnum):
    """Where a raylet stands with its GCS."""

    CONNECTED = "connected"
    WAITING = "waiting"
    GONE = "gone"


@dataclass
class Reconnect:
    """One raylet's clock. ``limit`` and all times are seconds of one monotonic clock."""

    limit: float = DEFAULT_LIMIT_S
    state: State = State.CONNECTED
    since: float | None = None
    """When the first call failed; only while waiting or gone."""

    @property
    def deadline(self) -> float | None:
        """When waiting turns into gone; ``None`` unless waiting."""
        if self.state is not State.WAITING or self.since is None:
            return None
        return self.since + self.limit

    def failed(self, now: float) -> bool:
        """A retryable call failed; true if that changed the state."""
        if self.state is State.CONNECTED:
            self.state, self.since = State.WAITING, now
            return True
        return self.passed(now)

    def ready(self) -> bool:
        """The channel is ready; true if that changed the state. Gone is final."""
        if self.state is not State.WAITING:
            return False
        self.state, self.since = State.CONNECTED, None
        return True

    def passed(self, now: float) -> bool:
        """Time passed; true if the limit is now reached and the raylet gone."""
        if self.deadline is None or now < self.deadline:
            return False
        self.state = State.GONE
        return True


def limit_from(environment: Mapping[str, str]) -> float:
    """The limit that ``environment`` asks for, in seconds; Ray's default without the variable."""
    return float(environment.get(LIMIT_VARIABLE, DEFAULT_LIMIT_S))
