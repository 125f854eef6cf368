"""One life of a GCS, and how long a first one may take to begin."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.target.bare import Measurement

START_WITHIN = "GAUNTLET_START_WITHIN"


def start_within(otherwise: float) -> float:
    """How long a first start may take, in seconds: what the user says in the environment, else ``otherwise``."""
    said = os.environ.get(START_WITHIN)
    if not said:
        return otherwise
    try:
        seconds = float(said)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise EnvironmentProblem(f"{START_WITHIN} is {said!r}, which is no number of seconds above 0")
    return seconds


@dataclass
class Life:
    """One process of the GCS. Times are monotonic seconds; ``exit`` is negative for a signal."""

    number: int
    pid: int
    address: str
    log_path: Path
    started: float = field(default_factory=time.monotonic)
    silent: float | None = None
    """When somebody last asked and it did not serve yet."""
    serving: float | None = None
    """When it first answered."""
    bare: Measurement | None = None
    """Of bare starts beside one that takes long."""
    ended: float | None = None
    """When its end was noticed."""
    exit: int | None = None


def ended(status: int) -> str:
    """An exit status in words."""
    return f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
