"""Carrying out a point: set the flow going, strike, see what clients were told, and bring everything back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Any

from harness.crashpoint.act import Act
from harness.crashpoint.flow import Flow
from harness.crashpoint.modes import MODES
from harness.crashpoint.points import LADDER, RECOVERY, Point, Step
from harness.crashpoint.recovery import climb
from harness.crashpoint.stand import Stand, tables_changed
from harness.errors import TimedOut, Unsupported
from harness.proxy import Match
from harness.proxy.base import Strike
from harness.report.verdict import Inconclusive
from harness.store.dump import Raw
from harness.wait import until

STRIKE_SECONDS = 8.0
"""How long the flow may take to reach the command at which it is struck."""
LATE_SECONDS = 1.0
"""How much later than the flow's answer the command may come."""
RECOVERY_SECONDS = 15.0
TOLD_SECONDS = 0.5
"""How long a client may take to notice that the GCS which it had asked is dead."""
STORED, NOT_STORED = "stored", "not stored"


def facts_of(flow: Flow, point: Point, step: Step | None = None) -> dict[str, Any]:
    """A cell of the matrix before anything happened: ``id``, ``rpc``, ``unit``, ``label``, ``mode``.

    :func:`carry_out` adds ``told`` (what each client had been told when the GCS was dead, ``+``
    between them), ``survived`` (whether the struck command's table had changed by then), ``tables``
    (all that had) and ``killed`` (how many starts were killed on the way back).
    """
    return {
        "id": point.id,
        "rpc": flow.name.removeprefix("flow."),
        "unit": point.unit,
        "label": step.label if step else "",
        "mode": point.mode + (LADDER if point.ladder else ""),
    }


def carry_out(stand: Stand, flow: Flow, point: Point, step: Step, facts: dict[str, Any]) -> None:
    """Do it, and add to ``facts`` as it becomes known. Whatever goes wrong spoils the stand.

    Inconclusive when the flow never came to the command (Unsupported of a race); TargetFailed and TimedOut when the GCS does not
    come back, an answer is missing, or the flow does not come to its end.
    """
    stand.points += 1
    cluster = stand.cluster
    try:
        act, before = _strike(stand, flow, point, step)
        facts["told"] = _told(act)
        facts["tables"] = tables_changed(before, stand.stored())
        facts["survived"] = STORED if _touched(step, facts["tables"]) else NOT_STORED
        if point.ladder:
            facts["killed"] = climb(cluster, stand.proxy, _rung(point))
        cluster.revive_gcs(RECOVERY_SECONDS)
        act.finish()
        until_complete(act)
        stand.settle()
    except BaseException as error:
        stand.spoilt = f"{point.id}: {error}".partition("\n")[0]
        raise


def _rung(point: Point) -> int:
    """Below a crash of the recovery itself, each second recovery dies where the first did."""
    return point.unit if point.flow == RECOVERY else 0


def _strike(stand: Stand, flow: Flow, point: Point, step: Step) -> tuple[Act, Raw]:
    """Set the flow going, and see the GCS dead after it was struck: the flow, and the store as it was before.

    Several things happen at once in some flows, and may do so in another order: it gets another chance.
    A race that went another way than when it was discovered is struck at the same place of that way.
    """
    mode, told = MODES[point.mode], "nothing"
    usual, place = Match(label=step.label, nth=step.occurrence), Match(nth=max(point.unit, 1))
    for match in (usual, place, usual, place) if flow.races else (usual, usual):
        act = flow.prepare(stand.cluster)
        before = stand.stored()
        rule = stand.proxy.arm(mode.rule(), match)
        try:
            act.start()
            if _comes_to(rule, act):
                _note(stand, point, step, True)
                mode.then(stand.cluster, act)
                _await_ends(stand)
                return act, before
            told = "+".join(act.told()) or told
        finally:
            rule.disarm()
        stand.cluster.revive_gcs(RECOVERY_SECONDS)
    if flow.races:
        raise Unsupported(f"the race went another way, without {step.label} number {step.occurrence}")
    _note(stand, point, step, False)
    raise Inconclusive(
        f"nothing was struck: the flow never came to {step.label} number {step.occurrence}; "
        f"its clients were told {told}"
    )


def _await_ends(stand: Stand) -> None:
    """What a rule still holds of the dead GCS goes with its connection; let go before, it would reach the store."""
    until(
        "the proxy sees the end of the dead GCS's connections",
        lambda: not any(one.open for one in stand.proxy.connections("gcs")),
        5.0,
        every=0.001,
    )


def _note(stand: Stand, point: Point, step: Step, struck: bool) -> None:
    facts = {"struck": struck, "point": point.id, "label": step.label}
    stand.cluster.recorder.write("note", "rule", facts)


def _comes_to(rule: Strike, act: Act) -> bool:
    """Whether the rule strikes while the flow is under way, and a little longer."""
    end, over = monotonic() + STRIKE_SECONDS, inf
    while not rule.wait(0.02):
        now = monotonic()
        over = min(over, now) if act.answered() and act.rested() else inf
        if now > min(end, over + LATE_SECONDS):
            return False
    return True


def _told(act: Act) -> str:
    """What the clients know once the connections of the dead GCS have broken."""
    with suppress(TimedOut):  # it is told as what it is: unanswered
        until("clients notice", act.noticed, TOLD_SECONDS, every=0.001)
    return "+".join(act.told())


def _touched(step: Step, tables: Sequence[str]) -> bool:
    """Whether a table that ``step`` names has changed; any at all, for a step that names none of these."""
    named = set(re.split(r"[ +]", step.label))
    return bool(named & set(tables)) if step.writes else bool(tables)


def until_complete(act: Act, within: float = 15.0) -> None:
    """Wait until the flow has come to its right end; TimedOut, saying what is so instead."""
    wrong = ""

    def complete() -> bool:
        nonlocal wrong
        wrong = act.complete()
        return not wrong and act.rested()

    try:
        until("the flow completes", complete, within, every=0.01)
    except TimedOut as late:
        raise TimedOut(
            f"the flow does not come to its end after the recovery: {wrong or 'its raylets never rest'}"
        ) from late
