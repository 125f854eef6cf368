"""The reference GCS of this repository as a target, sound or with a fault."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.target.base import Command, Launch
from harness.target.flags import gcs_server_flags, make_directories, ray_environment, users_environment
from harness.wire.dialect import Dialect, dialect

_MODULE = "reference_gcs"


class Reference:
    """``python -m reference_gcs`` with gcs_server's own flags.

    ``reference+NAME``: with the fault NAME of ``reference_gcs.mutants``; such a target must be found broken.
    """

    stores = frozenset({"redis", "memory"})
    runs_here = True

    def __init__(self, mutant: str = "") -> None:
        """EnvironmentProblem when there is no such mutant."""
        if mutant:
            _find(mutant)
        self.mutant = mutant
        self.name = f"reference+{mutant}" if mutant else "reference"

    @property
    def dialect(self) -> Dialect:
        return dialect()

    def prepare(self) -> None:
        self._root()

    def command(self, launch: Launch) -> Command:
        make_directories(launch)
        return self._python(launch, "-m", _MODULE, *self.arguments(launch))

    def bare(self, launch: Launch) -> Command:
        """The interpreter and all imports: most of its start."""
        return self._python(launch, "-c", f"import {_MODULE}.__main__")

    def _python(self, launch: Launch, *arguments: str) -> Command:
        env = users_environment()
        # It must be found from any directory, also in a checkout that is not installed.
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(self._root()), env.get("PYTHONPATH"))))
        return Command([sys.executable, *arguments], {**env, **ray_environment(launch)}, launch.directory)

    def arguments(self, launch: Launch) -> list[str]:
        """What the program is told, wherever it is."""
        flags = gcs_server_flags(self.name, launch)
        return [*flags, f"--mutant={self.mutant}"] if self.mutant else flags

    def _root(self) -> Path:
        found = importlib.util.find_spec(_MODULE)
        if found is None or found.origin is None:
            raise EnvironmentProblem(f"the package {_MODULE} is not installed beside harness")
        return Path(found.origin).parent.parent


def _find(mutant: str) -> None:
    from reference_gcs.mutants.catalogue import UnknownMutant, named  # not above: few runs need them

    try:
        named(mutant)
    except UnknownMutant as problem:
        raise EnvironmentProblem(str(problem)) from problem
