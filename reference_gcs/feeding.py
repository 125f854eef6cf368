"""How the parts of the shell hand events to the core."""

from __future__ import annotations

from collections.abc import Callable

from reference_gcs.core.events import Event

Feed = Callable[[Event], None]
