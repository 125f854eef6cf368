"""A worker process of a campaign: a stage of its own, on which it carries out one plan after the other."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path

from harness.backend.choosing import Choice, prepared
from harness.errors import EnvironmentProblem
from harness.expectations import Expectation
from harness.fuzz.plan import Plan
from harness.fuzz.real.judging import Kind, Trial, judge
from harness.fuzz.real.stage import Carried, Stage
from harness.history.log import HISTORY, LEDGER
from harness.process.guard import GUARD
from harness.process.orphan import end_with_parent
from harness.target.parse import parse_target

PLAN = "plan.json"
ENDING = 10
"""Of what ends with a worker: before its threads are waited for, which see calls through that end with the stage."""
_here: dict[str, Stage] = {}
_known: list[Expectation] = []
_kept_below: list[Path] = []
_seen: set[Kind] = set()
"""Failures of which this worker has kept a record."""


class Terminated(KeyboardInterrupt):
    """A SIGTERM: as a Ctrl-C, but whoever sent it does not wait long."""


class Workers:
    """``count`` processes for plans on the target named ``spec``. Use it as a context manager, in the main thread.

    In it a SIGTERM raises :class:`Terminated`. When this process dies in any other way, the workers and all that
    they started end by themselves.
    """

    def __init__(
        self,
        spec: str,
        count: int,
        known: Iterable[Expectation] = (),
        keep: Path | None = None,
        backend: str | None = None,
        store: str = "redis",
    ) -> None:
        """EnvironmentProblem when there is no such target, or no such ``store``, or none that this machine can run.

        ``keep``: below it each worker leaves the record of a run that failed in a way that is new to it.
        ``backend``: see :func:`harness.backend.choosing.backend_name`.
        """
        self.choice = prepared(parse_target(spec), backend, store)
        self.count = count
        # Spawned, not forked: gRPC's threads do not survive a fork.
        self._pool = ProcessPoolExecutor(
            count, get_context("spawn"), _begin, (spec, tuple(known), keep, self.choice)
        )

    def __enter__(self) -> Workers:
        self._before = signal.signal(signal.SIGTERM, _terminated)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        signal.signal(signal.SIGTERM, self._before)

    def carry_out(self, plan: Plan, keep: Path | None = None) -> Future[Trial]:
        """``keep``: a folder for the plan and its record, as ``gauntlet show`` and ``judge`` read it."""
        return self._pool.submit(_carry_out, plan, keep)


def _terminated(*_: object) -> None:
    raise Terminated


def _begin(spec: str, known: tuple[Expectation, ...], keep: Path | None, backend: Choice) -> None:
    end_with_parent()
    # A Ctrl-C is for the parent, which lets each come to the end of its plan.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _known[:] = known
    _kept_below[:] = [keep] if keep is not None else []
    stage = Stage(parse_target(spec), GUARD.directory("gauntlet-fuzz-"), backend)
    _here["stage"] = stage
    Finalize(None, stage.close, exitpriority=ENDING)


def _carry_out(plan: Plan, keep: Path | None) -> Trial:
    carried = _here["stage"].carry_out(plan)
    trial = judge(carried, _known)
    if keep is None and _kept_below and trial.kinds - _seen:
        keep = _kept_below[0] / f"{plan.digest}-{os.getpid()}"
    if keep is None:
        return trial
    _seen.update(trial.kinds)
    save(carried, keep)
    return replace(trial, record=keep)


def save(carried: Carried, place: Path) -> None:
    """Write a plan and its record into the folder ``place``."""
    place.mkdir(parents=True, exist_ok=True)
    (place / PLAN).write_text(carried.plan.text())
    for name, lines in ((HISTORY, carried.events), (LEDGER, carried.entries)):
        (place / name).write_text("".join(f"{one.line()}\n" for one in lines))


def fitting(asked: str | None) -> int:
    """How many workers ``-n`` asks for; without it twice as many as processors: a plan mostly waits."""
    if asked is None:
        return 2 * (os.cpu_count() or 1)
    if not asked.isdigit() or not int(asked):
        raise EnvironmentProblem(f"-n {asked}: wanted a number of at least 1")
    return int(asked)
