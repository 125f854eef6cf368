"""What a client waits for before it asks: a job is there before what is its own, and each thing before its end.

A plan's steps go on while calls are under way; this holds back what a well-behaved client would not ask for yet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from harness.fuzz import names
from harness.fuzz import operations as op

Key = tuple[str, int]
"""What is begun or ended, and its index."""
Send = Callable[[Callable[[], None]], None]
"""Asks now; it is given what to call when the first answer is there."""
JOB, ACTOR, GROUP, FORGOTTEN = "job", "actor", "group", "forgotten"


def begins(do: op.Operation) -> Key | None:
    """What others may wait for; None: nothing."""
    if isinstance(do, op.AddJob):
        return JOB, do.job
    if isinstance(do, op.StartActor):
        return None if do.only == "create" else (ACTOR, do.actor)
    if isinstance(do, op.StartGroup):
        return GROUP, do.group
    return (FORGOTTEN, do.actor) if isinstance(do, op.ForgetActor) else None


def needs(do: Any) -> set[Key]:
    """What must have been answered before, where it is under way."""
    if isinstance(do, op.StartActor):
        own = {(JOB, names.job_of(do.actor))}
        own |= {(GROUP, do.group)} if do.group >= 0 else set()
        return own | {(ACTOR, do.actor)} if do.only == "create" else own
    if isinstance(do, op.StartGroup):
        return {(JOB, names.job_of(do.group))}
    if isinstance(do, op.AddWorker | op.FinishJob):
        return {(JOB, do.job)}
    if isinstance(do, op.KillActor | op.ForgetActor):
        return {(ACTOR, do.actor)}
    if isinstance(do, op.ReviveActor):
        return {(ACTOR, do.actor), (FORGOTTEN, do.actor)}
    return {(GROUP, do.group)} if isinstance(do, op.RemoveGroup | op.WaitGroup) else set()


class Order:
    """Of one plan. Safe to use from several threads."""

    def __init__(self) -> None:
        self._under_way: set[Key] = set()
        self._held: list[tuple[set[Key], Send, Key | None]] = []
        self._lock = threading.RLock()

    def ask(self, do: op.Operation, send: Send) -> None:
        """Let ``send`` ask for ``do`` as soon as all that it needs is answered: now, or from where the answer comes."""
        with self._lock:
            missing = self._needs(do) & self._under_way
            begun = begins(do)
            if begun is not None:
                self._under_way.add(begun)
            if missing:
                self._held.append((missing, send, begun))
                return
        self._send(send, begun)

    def _needs(self, do: op.Operation) -> set[Key]:
        found = needs(do)
        if isinstance(do, op.FinishJob):  # its driver ends when it has heard of all that it began
            things = {key for key in self._under_way if key[0] in (ACTOR, GROUP)}
            found |= {key for key in things if names.job_of(key[1]) == do.job}
        return found

    def _send(self, send: Send, begun: Key | None) -> None:
        told = False

        def answered() -> None:
            nonlocal told
            if begun is not None and not told:
                told = True
                self._answered(begun)

        send(answered)

    def _answered(self, key: Key) -> None:
        with self._lock:
            self._under_way.discard(key)
            for missing, _, _ in self._held:
                missing.discard(key)
            free = [one for one in self._held if not one[0]]
            self._held = [one for one in self._held if one[0]]
        for _, send, begun in free:
            self._send(send, begun)
