"""The faults of a store that nobody can break from outside: each is refused, with the reason."""

from __future__ import annotations

from typing import NoReturn

from harness.errors import Unsupported


class Unbreakable:
    """A base for stores that are not processes of ours; ``_why_not`` says what they are instead."""

    _why_not: str

    def kill(self) -> None:
        self._refuse("killed")

    def restart(self) -> None:
        self._refuse("restarted")

    def pause(self) -> None:
        self._refuse("paused")

    def resume(self) -> None:
        self._refuse("resumed")

    def wipe(self) -> None:
        self._refuse("emptied")

    def _refuse(self, what: str) -> NoReturn:
        raise Unsupported(f"{self._why_not}, so it cannot be {what}: use the store 'redis' for that")
