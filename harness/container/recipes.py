"""The images that there are, each on a local base or on a public one.

Locally everything comes from Debian packages and wheels, which the machine's own apt and pip fetch.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache, partial
from pathlib import Path
from platform import machine
from typing import TYPE_CHECKING

from harness.container import debian, rootfs
from harness.container.recipe import CONSTRAINTS, IMAGES, Files, Gathered, Recipe, pins, source, sources
from harness.container.registry import official
from harness.errors import EnvironmentProblem
from harness.target.wheel_cache import SERVER, cache_directory, fetched

if TYPE_CHECKING:
    import docker

LOCAL, PUBLIC = "local", "public"
"""What images stand on: Debian packages alone, or the official image of Python."""

_PYTHON = "org.gauntlet.python"
_GIVE_UP_SECONDS = 600
_PLATFORMS = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")


def public_base() -> str:
    """The official image on which the Dockerfiles build unless they are told another."""
    lines = source(IMAGES / "Dockerfile.python").read_text().splitlines()
    return official(next(line.removeprefix("ARG BASE=") for line in lines if line.startswith("ARG BASE=")))


@cache
def local_base() -> Recipe:
    merging = Path(rootfs.__file__).read_text()
    return Recipe("base", None, {}, of=f"{debian.FOREGONE} {merging}", gather=_root_file_system)


@cache
def python(way: str) -> Recipe:
    """A base with all that our programs import; they themselves are not in it."""
    files = {Path(path).name: content for path, content in _furniture().items()}
    if way == PUBLIC:
        return Recipe("python", public_base(), files)
    return Recipe("python", local_base(), files, gather=_wheels)


@cache
def raylet(way: str) -> Recipe:
    """Raylets, and what else of the harness runs in a container: the proxy, the name server."""
    rooms = sources("harness/raylet", "harness/proxy", "harness/names")
    return Recipe("raylet", python(way), {**_furniture(), **rooms})


@cache
def reference(way: str) -> Recipe:
    return Recipe("reference-gcs", python(way), {**_furniture(), **sources("reference_gcs")})


@cache
def ray(release: str, way: str) -> Recipe:
    """A Ray release, fetched unless it is in the cache; EnvironmentProblem when it cannot be had."""
    server: Files = {SERVER: fetched(release) / SERVER}
    parent = public_base() if way == PUBLIC else local_base()
    return Recipe("ray-gcs", parent, server, version=f"{release}-")


@cache
def store(name: str) -> Recipe:
    """``redis`` or ``valkey`` from Debian: always local, for those who can reach no registry."""
    entrypoint: Files = {"store-entrypoint": source(IMAGES / "store-entrypoint")}
    return Recipe(name, local_base(), entrypoint, gather=partial(_store, name))


def _furniture() -> Files:
    """What ``furnish`` takes; of the versions only those that matter here."""
    names = ("furnish", "requirements.txt")
    files: Files = {str(IMAGES / name): source(IMAGES / name) for name in names}
    return {**files, str(CONSTRAINTS): "".join(f"{pin}\n" for pin in pins()).encode()}


def _debian() -> debian.Debian:
    return debian.Debian(cache_directory() / "debian")


def _root_file_system(_: docker.DockerClient, work: Path) -> Gathered:
    packages = _debian().packages(rootfs.BASE)
    rootfs.base(packages, work / "root.tar")
    return Gathered({"root.tar": work / "root.tar"}, {_PYTHON: rootfs.python_of(packages)})


def _store(name: str, _: docker.DockerClient, work: Path) -> Gathered:
    source_of = _debian()
    there = set(source_of.packages(rootfs.BASE))
    wanted = source_of.packages(rootfs.STORES[name], backports=True)
    rootfs.addition([package for package in wanted if package not in there], work / "store.tar")
    return Gathered({"store.tar": work / "store.tar"})


def _wheels(client: docker.DockerClient, work: Path) -> Gathered:
    """The packages of ``requirements.txt`` for the base's Python, whichever Python runs us."""
    version = client.images.get(local_base().image).labels[_PYTHON]
    into = work / "packages"
    argv = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-compile", "--only-binary=:all:"]
    argv += ["--no-input", "--disable-pip-version-check", "--quiet", "--progress-bar=off", f"--target={into}"]
    argv += [f"--python-version={version}", "--implementation=cp", f"--abi=cp{version.replace('.', '')}"]
    argv += ["--abi=abi3", "--abi=none", *(f"--platform={name}_{machine()}" for name in _PLATFORMS), *pins()]
    # TMPDIR: what pip leaves when it is killed is removed with the rest.
    env = {**os.environ, "TMPDIR": str(work)}
    try:
        done = subprocess.run(
            argv, env=env, capture_output=True, text=True, timeout=_GIVE_UP_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as problem:
        raise EnvironmentProblem(
            f"pip takes more than {_GIVE_UP_SECONDS} s for {', '.join(pins())}"
        ) from problem
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["pip gives no reason"]
        raise EnvironmentProblem(
            f"Python packages for images cannot be had: {lines[-1].removeprefix('ERROR: ')}"
        )
    return Gathered({"packages": into})
