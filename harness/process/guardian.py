"""The guardian itself: a script, run by path with ``python -I -S``, that outlives its owner.

Standard library only, and little of it, so that it is up in milliseconds. Its standard input is
a pipe from the owner that carries one fact a line:

    +p PID START    a child; START is its start time in clock ticks, so that a reused pid is told apart
    -p PID          that child is reaped
    +d PATH         a directory of the run
    -d PATH         that directory is gone
    done            nothing is left: exit and touch nothing

End of file without ``done`` means that the owner died, by ``kill -9`` perhaps: then every
registered child, and every process whose environment holds the run's token or that logs into a
directory of the run, is killed by pid.
"""

from __future__ import annotations

import os
import signal
import sys
import time

VARIABLE = "GAUNTLET_RUN"
GIVE_UP_SECONDS = 30.0  # a process stuck in the kernel must not keep a guardian for ever


def start_ticks(pid: int) -> int | None:
    """When ``pid`` started, in clock ticks since boot; None when there is no such process, or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib takes longer to import than we run
            after_name = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if after_name[0] in (b"Z", b"X") else int(after_name[19])


def holds(pid: int, token: str) -> bool:
    """Whether the environment that ``pid`` was started with carries ``token``."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return f"{VARIABLE}={token}".encode() in file.read().split(b"\0")
    except OSError:
        return False


def writes_into(pid: int, directories: set[str]) -> bool:
    """Whether the standard output of ``pid`` goes to a file in one of the run's directories, which are nobody else's."""
    try:
        log = os.readlink(f"/proc/{pid}/fd/1")  # noqa: PTH115
    except OSError:
        return False
    return any(log.startswith(f"{directory}/") for directory in directories)


def ours(pid: int, token: str, children: dict[int, int], directories: set[str]) -> bool:
    """A registered child that is still the same process, a holder of the token, or one that logs in a directory of ours."""
    started = start_ticks(pid)
    if started is None or pid == os.getpid():
        return False
    # Some programs write their title over their environment: the registration covers those, or the log,
    # where the owner died between the start and the registration.
    return children.get(pid) == started or holds(pid, token) or writes_into(pid, directories)


def kill(pid: int, token: str, children: dict[int, int], directories: set[str]) -> None:
    """SIGKILL ``pid`` if it is ours; the pidfd pins the process that was looked at."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if ours(pid, token, children, directories):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return
    finally:
        os.close(handle)


def sweep(token: str, children: dict[int, int], directories: set[str]) -> None:
    """Kill until two looks in a row find nobody: a process may fork while we look."""
    end = time.monotonic() + GIVE_UP_SECONDS
    quiet = 0
    while quiet < 2 and time.monotonic() < end:
        everyone = os.listdir("/proc")  # noqa: PTH208
        numbers = map(int, filter(str.isdigit, everyone))
        found = [pid for pid in numbers if ours(pid, token, children, directories)]
        quiet = 0 if found else quiet + 1
        for pid in found:
            kill(pid, token, children, directories)
        if found:
            time.sleep(0.002)


def listen(children: dict[int, int], directories: set[str]) -> bool:
    """Read facts until the end; True when the owner said ``done``."""
    for line in sys.stdin:
        what, _, rest = line.rstrip("\n").partition(" ")
        if what == "done":
            return True
        if what == "+p":
            pid, start = rest.split()
            children[int(pid)] = int(start)
        elif what == "-p":
            children.pop(int(rest), None)
        elif what == "+d":
            directories.add(rest)
        elif what == "-d":
            directories.discard(rest)
    return False


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    token = sys.argv[1]
    children: dict[int, int] = {}
    directories: set[str] = set()
    if listen(children, directories):
        return
    sweep(token, children, directories)
    if directories:
        import shutil  # only now: it doubles the time to start

        for path in directories:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
