"""Errors that a user can do something about: one clear sentence each."""

from __future__ import annotations

from pathlib import Path


class EnvironmentProblem(Exception):
    """Bad input, or something this machine cannot do: pytest and the CLI end with exit status 3."""


class TimedOut(AssertionError):
    """A wait ran out; the message names what was awaited and shows the last evidence."""


class TargetFailed(AssertionError):
    """A GCS that served before does not come back; the message ends with the last lines of its log, ``log`` has all."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


class Unsupported(Exception):
    """This store or target cannot do that by nature; a scenario that needs it is skipped with this reason."""
