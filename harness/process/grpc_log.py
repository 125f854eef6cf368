"""What gRPC's own core writes to standard error, past Python: its errors, and not its news.

Seen with grpcio 1.85.1: when a GCS ends in order, each client's core writes a line, ``Got goaway``, in the middle
of whatever is shown on the terminal. The core asks for the variable once, at its first use.
"""

from __future__ import annotations

import os

VARIABLE = "GRPC_VERBOSITY"
_OURS = "GAUNTLET_GRPC_VERBOSITY"
"""Set beside it where the user had said nothing."""


def errors_only() -> None:
    """In this process and those that it starts, unless the user's environment says how much gRPC is to write."""
    if VARIABLE not in os.environ:
        os.environ[VARIABLE] = os.environ[_OURS] = "ERROR"


def users_words() -> dict[str, str]:
    """The environment without what :func:`errors_only` has put there: what is judged writes as much as it likes."""
    ours = {VARIABLE, _OURS} if _OURS in os.environ else set()
    return {name: value for name, value in os.environ.items() if name not in ours}
