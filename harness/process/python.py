"""Programs of ours: ``python -m MODULE`` as a child of this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.process.child import Child
from harness.process.running import Running

ROOT = Path(__file__).parents[2]
PARENT_PIPE = "--parent-pipe"
"""What such a program is told when the end of its standard input means that we are gone."""


def spawn_here(
    module: str, arguments: Sequence[str], address: str, env: Mapping[str, str], log_path: Path, name: str
) -> Running:
    """Start it with our environment and ``env``; any loopback ``address`` is its own to listen at.

    The guardian ends it when we are gone; the end of its standard input tells it even sooner.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    argv = [sys.executable, "-m", module, *arguments, PARENT_PIPE]
    return Child.spawn(name, argv, {**os.environ, "PYTHONPATH": path, **env}, log_path, stdin_pipe=True)
