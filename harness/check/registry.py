"""All checks by name, each with the guarantee that it decides, and with what breaks it. All of them judge every recorded
case. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from harness.check import assumptions
from harness.check.agreement import agreement
from harness.check.answered import answered
from harness.check.check_alive import check_alive
from harness.check.drains import drains
from harness.check.durable import durable
from harness.check.identity import identity
from harness.check.isolation import isolation
from harness.check.job_ids import unique_job_ids
from harness.check.leftovers import leftovers
from harness.check.linear import linearizable
from harness.check.lives import lives
from harness.check.naming import one_name
from harness.check.once_only import at_most_once
from harness.check.one_writer import one_writer
from harness.check.over_history import blocking, deadline, two_state_raylet
from harness.check.process import process
from harness.check.pubsub import pubsub
from harness.check.recovery_orders import recovery_orders
from harness.check.ruling import Check, Finding, Ruling
from harness.check.story import Story, stories
from harness.check.streams import streams
from harness.check.survived import survival
from harness.check.swift import swift
from harness.check.unasked import unasked
from harness.history.entry import Entry
from harness.history.event import Event

SIMULATOR, REAL = ENGINES = ("simulator", "real processes")
"""What makes the record of a case."""


class NotJudged(NamedTuple):
    """Why a check says nothing of a GCS on an engine: no GCS can break it there. What it finds broken is told all the same."""

    why: str


class Proof(NamedTuple):
    """By which mutant of the reference a check is seen to break, on each of :data:`ENGINES`."""

    simulated: str | NotJudged
    real: str | NotJudged

    def on(self, engine: str) -> str | NotJudged:
        return self.simulated if engine == SIMULATOR else self.real


class Registered(NamedTuple):
    """A check, the guarantee that it decides as one sentence, and the promises and clauses it speaks for."""

    judge: Check
    guarantee: str
    speaks_for: tuple[str, ...] = ()


CHECKS: Mapping[str, Registered] = {
    "durable": Registered(
        durable,
        "What was acknowledged was in the store before, stays there, and is found after every recovery",
        ("1", "D1", "D3", "D4", "D5", "D6", "D7", "D8", "D9", "D10", "D11", "D12"),
    ),
    "linearizable": Registered(
        linearizable,
        "Key-values, job ids and actors' names answer as if one operation came after the other",
        ("1", "D2", "D4", "D8", "I8"),
    ),
    "legal lives": Registered(
        lives,
        "Actors, placement groups, nodes and jobs move only along the documented arrows",
        ("1", "A1", "A5", "P1", "N3"),
    ),
    "at most once": Registered(
        at_most_once,
        "A request that is sent again has no second effect",
        ("2", "I1", "I2", "I3", "I4", "I5", "A2", "A8", "K2"),
    ),
    "one name, one actor": Registered(
        one_name, "At any time at most one living actor has a name", ("1", "7", "I8", "A5")
    ),
    "unique job ids": Registered(
        unique_job_ids, "No job id is given twice, restarts included", ("1", "7", "D2")
    ),
    "agreement": Registered(
        agreement,
        "Once all is quiet, the GCS, its store and the raylets say the same",
        ("1", "4", "P2", "R2", "R3", "A2", "A11"),
    ),
    "survival": Registered(
        survival, "Running tasks and actors and existing objects outlive an outage", ("3", "A1", "K1", "N3")
    ),
    "nothing unasked": Registered(
        unasked,
        "No actor is created that nobody asked to create, and no actor or node is DEAD without a reason",
        ("3", "A1", "A4", "A7", "A9", "N3"),
    ),
    "recovery orders": Registered(
        recovery_orders,
        "A returning GCS tells each living raylet of it, once, and begins nothing new before the old is swept",
        ("4", "R1", "R4", "R5", "R7"),
    ),
    "nothing left over": Registered(
        leftovers,
        "Once all is quiet, what had to end with its job has ended, and what could go on has gone on",
        ("1", "A3", "A6", "P1", "P4", "R6", "N4"),
    ),
    "blocking": Registered(
        blocking,
        "Calls of an outage wait for its end, and then complete: none lost, none answered wrongly",
        ("2", "L1", "K2"),
    ),
    "two-state raylet": Registered(
        two_state_raylet,
        "A raylet is connected and its node alive, or it is gone and its node dead",
        ("4", "N1", "K3"),
    ),
    "CheckAlive": Registered(
        check_alive, "CheckAlive says of each node in its turn whether it is alive", ("4", "N6")
    ),
    "drains": Registered(
        drains,
        "A drain is answered as the raylet decides; a node that drains gets no new bundle, and is DEAD for its reason",
        ("2", "N7", "N8", "N9"),
    ),
    "deadline": Registered(
        deadline, "A raylet that finds no GCS leaves at its limit, neither before nor long after", ("4", "K3")
    ),
    "pubsub": Registered(
        pubsub,
        "Messages come in order, once, and not before their rows are stored; no subscriber misses what it does not "
        "read again, and a restart shows",
        ("1", "4", "B1", "B2", "B4", "D13"),
    ),
    "syncer streams": Registered(
        streams,
        "The newest stream of a node counts, and each node's view goes to all others, and to no one else",
        ("4", "B5", "B6"),
    ),
    "identity": Registered(
        identity,
        "A stranger to the cluster is refused, and one who claims nothing is not",
        ("5", "C3", "C4", "C6"),
    ),
    "isolation": Registered(isolation, "No key outside the namespace is touched", ("5", "C5")),
    "one writer": Registered(
        one_writer, "Once a GCS has taken over, the one before it writes no more", ("7", "S4")
    ),
    "process": Registered(
        process,
        "The GCS neither ends nor fails a check, unless something was broken on purpose",
        ("1", "L2", "L6", "I5"),
    ),
    "answered": Registered(
        answered,
        "A GCS that serves answers every request within its bound, and a waiting one once that for which it waits is there",
        ("2", "L3", "I2", "I5", "P3", "B3"),
    ),
    "swift start": Registered(
        swift, "A GCS with small tables serves within a second, but for what its store takes", ("1", "L5")
    ),
    "assumptions": Registered(
        assumptions.assumptions,
        "The case shows something: its start is known, its faults struck, and it had traffic",
    ),
}
"""By name, in the order of reports."""

_CASE = NotJudged("it judges the case, not the GCS")
_DEAD = NotJudged("no GCS can answer while it does not run")
_SHELL = NotJudged("the store's client, and with it keys and fence, is not simulated")
_LEFT = NotJudged(
    "at its last look a minute has gone by, and a raylet whose node is DEAD has found out and left"
)
_LATE = NotJudged(
    "raylets are ours, and a case seldom looks 30 s after the end of one, with nothing disturbed"
)

PROOFS: Mapping[str, Proof] = {
    "durable": Proof("acks-a-put-without-a-write", "acks-a-put-without-a-write"),
    "linearizable": Proof("keeps-deleted-keys", "keeps-deleted-keys"),
    "legal lives": Proof("resets-the-count-of-restarts", "resets-the-count-of-restarts"),
    "at most once": Proof("creates-living-actors-again", "creates-living-actors-again"),
    "one name, one actor": Proof("gives-a-name-twice", "gives-a-name-twice"),
    "unique job ids": Proof("counts-jobs-in-memory", "counts-jobs-in-memory"),
    "agreement": Proof("forgets-jobs", "forgets-jobs"),
    "survival": Proof("kills-living-actors", "kills-living-actors"),
    "nothing unasked": Proof("ends-detached-actors-with-their-job", "ends-detached-actors-with-their-job"),
    "recovery orders": Proof("tells-every-node-twice", "tells-every-node-twice"),
    "nothing left over": Proof("keeps-two-heads", "keeps-the-groups-of-finished-jobs"),
    "blocking": Proof(_DEAD, _DEAD),
    "two-state raylet": Proof(_LEFT, "declares-a-living-node-dead"),
    "CheckAlive": Proof("answers-check-alive-out-of-order", "answers-check-alive-out-of-order"),
    "drains": Proof("forgets-why-a-node-left", "accepts-drains-that-raylets-refuse"),
    "deadline": Proof("never-declares-a-dead-node-dead", _LATE),
    "pubsub": Proof("keeps-its-publisher-id", "keeps-its-publisher-id"),
    "syncer streams": Proof("tells-newcomers-nothing", "tells-newcomers-nothing"),
    "identity": Proof("trusts-any-cluster-id", "trusts-any-cluster-id"),
    "isolation": Proof(_SHELL, "writes-outside-its-namespace"),
    "one writer": Proof(_SHELL, "writes-without-a-fence"),
    "process": Proof("dies-of-an-unknown-group", "dies-of-an-unknown-group"),
    "answered": Proof("leaves-the-first-poll-hanging", "answers-each-second-worker-only"),
    "swift start": Proof("dawdles-before-it-serves", "dawdles-before-it-serves"),
    "assumptions": Proof(_CASE, _CASE),
}
"""Check -> what shows that it can break, a line each. ``gauntlet mutants --checks`` tries them all."""


def unjudged(engine: str) -> dict[str, str]:
    """Check -> why it says nothing of a GCS on ``engine``; without those that do."""
    said = {check: proof.on(engine) for check, proof in PROOFS.items()}
    return {check: one.why for check, one in said.items() if isinstance(one, NotJudged)}


def engine_of(story: Story) -> str:
    """Which engine made the record."""
    return SIMULATOR if story.built.get("clock") == "virtual" else REAL


def judge(story: Story) -> list[Ruling]:
    """What every check says of ``story``. Whatever a check raises is an error in the check.

    A check that no GCS can break on this engine has found nothing to judge where it finds nothing broken. Where the
    store lost rows by itself nothing is broken that anybody could tell.
    """
    engine = engine_of(story)
    rulings = [_meant(check.judge(story), PROOFS[name].on(engine)) for name, check in CHECKS.items()]
    if not (why := story.store_failed):
        return rulings
    return [
        Ruling(one.check, Finding.UNKNOWN, why, (), one.judged, void=True)
        if one.finding is Finding.BROKEN or one.check == assumptions.NAME
        else one
        for one in rulings
    ]


def _meant(ruling: Ruling, proof: str | NotJudged) -> Ruling:
    if isinstance(proof, NotJudged) and ruling.finding is Finding.HELD:
        return Ruling(ruling.check, Finding.UNKNOWN, proof.why)
    return ruling


def judge_case(events: Iterable[Event], entries: Iterable[Entry]) -> list[Ruling]:
    """What every check says of each cluster of one case."""
    return [ruling for story in stories(events, entries) for ruling in judge(story)]
