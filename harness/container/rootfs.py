"""Layers made of Debian packages, as tar files: a small root file system, and what a store adds to it.

Packages are merged as the streams that they are, so that owners and modes are right whoever we are.
"""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from harness.errors import EnvironmentProblem

BASE = ("busybox-static", "libfaketime", "libpython3-stdlib", "libstdc++6", "python3-minimal")
"""A Python for our own programs, a C++ library for ``gcs_server``, a shell for whoever looks in."""

STORES: Mapping[str, Sequence[str]] = {
    "redis": ("redis-server", "redis-sentinel"),
    "valkey": ("valkey-server", "valkey-sentinel"),
}
"""What the image of a store holds beside the base."""

LIBFAKETIME = "/usr/local/lib/libfaketime.so.1"
"""Where ``LD_PRELOAD`` finds it in every image of ours, whatever the machine's architecture."""

_MERGED = ("bin", "lib", "lib64", "sbin")
_UNUSED = re.compile(
    r"(usr/share/(bash-completion|doc|info|lintian|locale|man|pixmaps)|usr/lib/[^/]+/gconv"
    r"|usr/lib/python3\.\d+/(distutils|lib2to3|pydoc_data|turtledemo)|usr/lib/systemd|etc/init\.d)(/|$)"
)
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    # Without it the C library asks the name server before /etc/hosts.
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


class Layer:
    """A tar file that grows; the first entry of a name counts."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.names: set[str] = set()

    def add(self, member: tarfile.TarInfo, content: IO[bytes] | None = None) -> None:
        if member.name not in self.names:
            self.names.add(member.name)
            self._tar.addfile(member, content)

    def file(self, name: str, content: bytes, mode: int = 0o644) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), mode
        self.add(member, io.BytesIO(content))

    def directory(self, name: str, mode: int = 0o755) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.mode = tarfile.DIRTYPE, mode
        self.add(member)

    def link(self, name: str, target: str) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = tarfile.SYMTYPE, target
        self.add(member)

    def packages(self, files: Iterable[Path]) -> None:
        """Lay the contents of ``.deb`` files into it, without documentation, in a merged /usr."""
        for package in files:
            with _contents(package) as source:
                for member in source:
                    member.name = merged(member.name)
                    if member.islnk():
                        member.linkname = merged(member.linkname)
                    if member.name and not _UNUSED.match(member.name):
                        self.add(member, source.extractfile(member) if member.isreg() else None)


def base(packages: Sequence[Path], into: Path) -> None:
    """Write the root file system of ``packages`` to ``into``."""
    with _written(into) as layer:
        for name in ("usr", *(f"usr/{name}" for name in _MERGED), "etc", "proc", "sys", "dev", "root", "run"):
            layer.directory(name)
        for name in _MERGED:
            layer.link(name, f"usr/{name}")
        layer.directory("tmp", 0o1777)
        layer.directory("var/tmp", 0o1777)
        for name, content in _FILES.items():
            layer.file(name, content.encode())
        layer.packages(packages)
        for applet in _applets(packages):
            if not {f"usr/bin/{applet}", f"usr/sbin/{applet}"} & layer.names:
                layer.link(f"usr/bin/{applet}", "/usr/bin/busybox")
        [preload] = (name for name in layer.names if name.endswith("/faketime/libfaketime.so.1"))
        layer.link(LIBFAKETIME.lstrip("/"), f"/{preload}")


def addition(packages: Sequence[Path], into: Path) -> None:
    """Write what ``packages`` add to a base to ``into``."""
    with _written(into) as layer:
        layer.packages(packages)


def merged(name: str) -> str:
    """``./lib/x`` is ``usr/lib/x``; the root itself is empty."""
    path = PurePosixPath(name)
    if path.parts and path.parts[0] in _MERGED:
        path = "usr" / path
    return str(path) if path.parts else ""


def python_of(packages: Iterable[Path]) -> str:
    """``3.11``: which Python is among ``packages``."""
    return next(
        found[1] for path in packages if (found := re.match(r"libpython(3\.\d+)-minimal_", path.name))
    )


@contextmanager
def _written(into: Path) -> Iterator[Layer]:
    with tarfile.open(into, "w") as tar:
        yield Layer(tar)


@contextmanager
def _contents(package: Path) -> Iterator[tarfile.TarFile]:
    """What is in ``package``, to be read to the end."""
    argv = ["dpkg-deb", "--fsys-tarfile", str(package)]
    try:
        with (
            subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as unpacking,
            tarfile.open(fileobj=unpacking.stdout, mode="r|") as source,
        ):
            yield source
        if unpacking.returncode:
            raise tarfile.TarError(f"dpkg-deb ends with status {unpacking.returncode}")
    except tarfile.TarError as problem:
        package.unlink()  # so that the next try fetches it again
        raise EnvironmentProblem(f"{package.name} is damaged; try again: {problem}") from problem


def _applets(packages: Iterable[Path]) -> list[str]:
    """The programs that busybox is, as it says itself; it needs no library and runs on this machine."""
    [package] = (path for path in packages if path.name.startswith("busybox-static_"))
    place = package.parent / "busybox"
    with _contents(package) as source:
        for member in source:
            if member.isreg() and member.name.endswith("/bin/busybox"):
                content = source.extractfile(member)
                assert content is not None
                place.write_bytes(content.read())
    place.chmod(0o755)
    said = subprocess.run([place, "--list"], capture_output=True, text=True, timeout=30, check=True)
    return [name for name in said.stdout.split() if name != "busybox"]
