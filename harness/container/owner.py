"""Whose a container, a network or a volume is: two labels, and how to tell that the owner is dead."""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.process.guardian import start_ticks

RUN = "org.gauntlet.run"
OWNER = "org.gauntlet.owner"

_WHO = re.compile(r"(\d+):(\d+):([0-9a-f-]+):(\d+)")
_FIRST_PID_NAMESPACE = 0xEFFFFFFC  # linux/proc_ns.h


def me() -> str:
    """The owner's label of this process: pid, start in clock ticks, boot of the machine, pid namespace."""
    pid = os.getpid()
    return f"{pid}:{start_ticks(pid)}:{_boot()}:{_namespace()}"


def gone(owner: str, made: float) -> bool:
    """Whether ``owner`` is dead beyond doubt; ``made`` is when its thing was made (seconds since the epoch)."""
    match = _WHO.fullmatch(owner)
    if match is None:
        return False
    pid, start, boot, namespace = match.groups()
    if boot != _boot():  # this machine before it booted again, or another that lends its engine
        return made < _booted_at()
    if int(namespace) != _namespace():
        return not _inhabited(int(namespace))
    return start_ticks(int(pid)) != int(start)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _booted_at() -> float:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0


def _namespace(pid: str = "self") -> int:
    """The number of the pid namespace in which ``pid`` lives. OSError if we may not know."""
    return int(re.sub(r"\D", "", Path(f"/proc/{pid}/ns/pid").readlink().name))


def _inhabited(namespace: int) -> bool:
    """Whether a process may live there. Only the first namespace sees all others, and only root may look."""
    if _namespace() != _FIRST_PID_NAMESPACE:
        return True
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != "1":  # it is in the first, and may be hidden from all
            try:
                if _namespace(entry.name) == namespace:
                    return True
            except FileNotFoundError:
                continue
            except OSError:
                return True
    return False
