"""Debian packages as files, by the machine's own apt: as root or not, and nothing of the machine is changed.

apt's own solver says which packages are needed, for a machine that has none but those that a container
can do without. Its package lists are used as they are; where they lack something or are too old, newer
ones are fetched into a directory of ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.errors import EnvironmentProblem

# Only maintainer scripts and interactive Python need them; the solver is told that they are there.
FOREGONE = (
    "adduser", "debconf", "dpkg", "init-system-helpers", "libdb5.3", "libncursesw6", "libnsl2", "libreadline8",
    "libtinfo6", "libtirpc3", "lsb-base", "media-types", "passwd", "perl", "perl-base", "readline-common",
    "sysvinit-utils", "usrmerge",
)  # fmt: skip
_SYSTEM_LISTS = Path("/var/lib/apt/lists")
_SYSTEM_SOURCES = Path("/etc/apt/sources.list")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_GIVE_UP_SECONDS = 300


class Debian:
    """Packages and lists are kept in ``home``, for the next time."""

    def __init__(self, home: Path) -> None:
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise EnvironmentProblem(
                "images are built from Debian packages, and this machine has no apt-get and dpkg-deb: "
                "use ci/images/build --public where a registry can be reached"
            )
        self._archives, self._lists, self._none = home / "archives", home / "lists", home / "none"
        self._sources = home / "sources.list"
        status = home / "status"
        for place in (self._archives, self._lists, self._none):
            (place / "partial").mkdir(parents=True, exist_ok=True)
        status.write_text("".join(_STANZA.format(name=name) for name in FOREGONE))
        self._settings = {
            "Dir::State::status": status,
            "Dir::Cache": home,
            # Some machines switch it off, and every question would read all lists again.
            "Dir::Cache::pkgcache": home / "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "",
            "Debug::NoLocking": 1,
            "APT::Sandbox::User": "root",
            "APT::Install-Recommends": 0,
            "Acquire::http::Timeout": 20,
            "Acquire::Retries": 2,
        }

    def packages(self, names: Sequence[str], backports: bool = False) -> list[Path]:
        """The ``.deb`` files of ``names`` and of all that they need, fetched unless they are here.

        ``backports``: Debian's backports may be asked too. EnvironmentProblem with apt's own words.
        """
        try:
            return self._fetch(names)
        except EnvironmentProblem:
            self._update(backports)
            return self._fetch(names)

    def _fetch(self, names: Sequence[str]) -> list[Path]:
        # Asked with an empty archive, since apt leaves out what it need not fetch.
        said = self._apt(self._none, "install", "-qq", "--print-uris", *names)
        wanted = {}
        for line in said.splitlines():
            _, name, size, *_ = line.split()
            wanted[self._archives / name] = int(size)
        if not all(path.exists() and path.stat().st_size == size for path, size in wanted.items()):
            self._apt(self._archives, "install", "-qq", "-y", "--download-only", *names)
        return list(wanted)

    def _update(self, backports: bool) -> None:
        """Turn to lists of our own, which begin as a copy of the machine's."""
        sources = _SYSTEM_SOURCES.read_text() if _SYSTEM_SOURCES.exists() else ""
        if backports:
            sources += self._backports()
        self._sources.write_text(sources)
        if not any(path.is_file() for path in self._lists.iterdir()):
            for path in _SYSTEM_LISTS.glob("*_*"):
                if path.is_file():
                    shutil.copy2(path, self._lists)
        self._settings |= {"Dir::State::lists": self._lists, "Dir::Etc::sourcelist": self._sources}
        self._apt(self._archives, "update", "-qq")

    def _backports(self) -> str:
        """A line for the archive that the machine uses; empty when it uses none of Debian's."""
        told = self._apt(
            self._none,
            "indextargets",
            "--format",
            "$(REPO_URI) $(CODENAME) $(ORIGIN)",
            "Created-By: Packages",
        )
        for line in sorted(told.splitlines()):
            uri, codename, *origin = line.split(maxsplit=2)
            if origin == ["Debian"] and "-" not in codename:
                trust = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
                return f"\ndeb {trust}{uri} {codename}-backports main\n"
        return ""

    def _apt(self, archives: Path, *arguments: str) -> str:
        settings = {**self._settings, "Dir::Cache::archives": f"{archives}/"}
        argv = ["apt-get", *(f"-o{name}={value}" for name, value in settings.items()), *arguments]
        env = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        try:
            done = subprocess.run(
                argv,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_GIVE_UP_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as problem:
            raise EnvironmentProblem(
                f"apt-get {arguments[0]} takes more than {_GIVE_UP_SECONDS} s"
            ) from problem
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("E: ")] or [done.stderr]
            why = errors[0].removeprefix("E: ").strip()
            raise EnvironmentProblem(f"Debian packages cannot be had: apt-get {arguments[0]} says: {why}")
        return done.stdout


_STANZA = """\
Package: {name}
Status: install ok installed
Version: 9999
Architecture: all
Multi-Arch: foreign

"""
