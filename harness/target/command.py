"""A GCS of the user's own: any command."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable, Mapping

from harness.errors import EnvironmentProblem
from harness.target import flags
from harness.target.base import Command, Launch
from harness.wire.dialect import Dialect, dialect

PLACEHOLDERS: Mapping[str, tuple[str, Callable[[Launch], str]]] = {
    "port": ("the TCP port to serve on", lambda launch: str(launch.port)),
    "address": ("the loopback IP to serve on", lambda launch: launch.address),
    "redis_host": ("the store's IP; empty without Redis", lambda launch: launch.store.host),
    "redis_port": ("the store's port; 0 without Redis", lambda launch: str(launch.store.port)),
    "redis_username": ("the store's ACL user; may be empty", lambda launch: launch.store.username),
    "redis_password": ("the store's password; may be empty", lambda launch: launch.store.password),
    "store": ("redis, memory or rocksdb", lambda launch: launch.store.kind),
    "store_path": ("RocksDB's directory; else empty", lambda launch: str(launch.store.path or "")),
    "namespace": ("Ray's external_storage_namespace", lambda launch: launch.namespace),
    "config_list": ("Ray's system config: JSON, then base64", flags.config_list),
    "session_name": ("Ray's session name, the same after a restart", lambda launch: launch.session_name),
    "session_dir": ("a directory for this GCS", lambda launch: str(flags.session_directory(launch))),
    "log_dir": ("a directory for its logs", lambda launch: str(flags.log_directory(launch))),
    "node_id": ("the id of the GCS's node, 56 hex digits", flags.node_id),
}
"""What a command may contain, as ``{name}``: one line of help, and the value for a launch."""

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_SPEC = re.compile(r"(?P<kind>cmd|image)(?:\[(?P<release>[^\]]*)\])?:(?P<line>.*)", re.DOTALL)


class Line:
    """``KIND:WORD ARGUMENTS`` or ``KIND[2.49.2]:…``: split as a shell would, run without one.

    The first word is :attr:`first`. Without any placeholder among the arguments, gcs_server's own
    flags of 2.60.0 are added to them. EnvironmentProblem, with ``form``, when ``spec`` is wrong.
    """

    def __init__(self, spec: str, form: str, kind: str, what: str) -> None:
        self._spec = spec
        parts = _SPEC.fullmatch(spec)
        if parts is None:
            raise EnvironmentProblem(f"{spec!r} is no {kind}: expected {form}")
        try:
            self.dialect = dialect(parts["release"]) if parts["release"] is not None else dialect()
            words = shlex.split(parts["line"])
        except ValueError as problem:  # an unknown release, an open quote
            raise EnvironmentProblem(f"{spec!r}: {problem}; expected {form}") from problem
        if not words:
            raise EnvironmentProblem(f"{spec!r} names no {what}: expected {form}")
        self.first, *self._words = words
        named = {name for word in words for name in _PLACEHOLDER.findall(word)}
        unknown = sorted(named - PLACEHOLDERS.keys())
        if unknown:
            allowed = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise EnvironmentProblem(f"{spec!r}: unknown placeholder {{{unknown[0]}}}; allowed are {allowed}")
        self._own_arguments = bool(named)

    def arguments(self, launch: Launch) -> list[str]:
        """All words but the first, filled in."""
        values = _values(launch)
        argv = [_PLACEHOLDER.sub(lambda found: values[found[1]], word) for word in self._words]
        return argv if self._own_arguments else argv + flags.gcs_server_flags(self._spec, launch)

    def environment(self, launch: Launch) -> dict[str, str]:
        """Ray's own settings, and all facts as ``GAUNTLET_PORT`` and so on."""
        return {**flags.variables(_values(launch)), **flags.ray_environment(launch)}


def _values(launch: Launch) -> dict[str, str]:
    return {name: value(launch) for name, (_, value) in PLACEHOLDERS.items()}


class CommandTarget:
    """``cmd:./my_gcs --port {port} …``: see :class:`Line`. It runs where we run, with the user's environment."""

    stores = frozenset({"redis", "memory", "rocksdb"})
    runs_here = True

    def __init__(self, spec: str) -> None:
        self.name = spec
        form = "cmd:PROGRAM ARGUMENTS, or cmd[2.49.2]:… for the wire of another Ray release"
        self._line = Line(spec, form, "command", "program")

    @property
    def dialect(self) -> Dialect:
        return self._line.dialect

    def prepare(self) -> None:
        if shutil.which(self._line.first) is None:
            raise EnvironmentProblem(f"{self.name!r}: {self._line.first} is no program that can be run")

    def command(self, launch: Launch) -> Command:
        flags.make_directories(launch)
        argv = [self._line.first, *self._line.arguments(launch)]
        return Command(argv, {**flags.users_environment(), **self._line.environment(launch)})
