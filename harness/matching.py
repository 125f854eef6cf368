"""Which failures of a case are known: by their causes, whatever the case, the command or the words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.check import one_writer
from harness.check.cause import PROCESS, SCENARIO, UNKNOWN_LINE
from harness.expectations import ANYWHERE, Expectation, Failure, caused
from harness.history.event import Event

OF_TWO_WRITERS = frozenset(
    {"durable", "linearizable", "legal lives", "at most once", "one name, one actor", "unique job ids", "agreement",
     "survival", "nothing unasked", "recovery orders", "nothing left over", "blocking", "two-state raylet", "pubsub",
     "CheckAlive", SCENARIO}
)  # fmt: skip
"""What two GCS at once can spoil: rows, and what is said and done by them. No GCS has to end of it."""
Known = tuple[Failure, Expectation]


@dataclass(frozen=True)
class Sorted:
    """The failures of a case: those that nobody expected, the ones that no neighbour is known for first; those known
    with what was known; and the expectations that had to come true and did not."""

    unexpected: tuple[Failure, ...] = ()
    known: tuple[Known, ...] = ()
    mended: tuple[Expectation, ...] = field(default=())


def sort_out(scenario: str, failures: Sequence[Failure], entries: Iterable[Expectation]) -> Sorted:
    """Compare what failed in ``scenario`` with what is known of the target, and then of its neighbours.

    A known cause is known in any case. A failure of which only a neighbour is known stays unexpected, and says so.
    """
    told = [caused(scenario, one) for one in failures]
    rows = list(entries)
    own = sorted((one for one in rows if not one.neighbour), key=lambda one: not one.about(scenario))
    known = list(_matched(scenario, told, own))
    roots = [one for one in known if _is_root(one[0])]
    followed = _following(roots, _without(told, roots))
    known = [*roots, *followed.values(), *(one for one in known if _is_alone(one[0], roots, followed))]
    rest = [one for one in _without(told, known) if id(one) not in followed]
    others = [one for one in rows if one.neighbour]
    of_others = {id(failure): one.release for failure, one in _matched(scenario, rest, others)}
    unexpected = [replace(one, known_of=of_others.get(id(one), "")) for one in rest]
    return Sorted(
        unexpected=tuple(sorted(unexpected, key=lambda one: bool(one.known_of))),
        known=tuple(known),
        mended=tuple(_mended(scenario, told, own)),
    )


def _matched(scenario: str, failures: Iterable[Failure], rows: Sequence[Expectation]) -> Iterator[Known]:
    """Each failure with the first row that names its cause, in the same words if there is one."""
    for failure in failures:
        found = [one for one in rows if one.explains(scenario, failure)]
        if found:
            yield failure, next((one for one in found if one.says(failure)), found[0])


def _without(failures: Iterable[Failure], known: Iterable[Known]) -> list[Failure]:
    explained = {id(failure) for failure, _ in known}
    return [one for one in failures if id(one) not in explained]


def _is_root(failure: Failure) -> bool:
    """Whether others may follow from it: an end of the process, or a loss."""
    return failure.cause_check == PROCESS or failure.about.lost


def _is_alone(failure: Failure, roots: Iterable[Known], followed: Mapping[int, Known]) -> bool:
    return id(failure) not in followed and all(failure is not root for root, _ in roots)


def _following(roots: Sequence[Known], others: Iterable[Failure]) -> dict[int, Known]:
    """What follows from a known end of the process, or from a known loss, and from nothing else: it has their cause.

    From an end: that the scenario itself waited in vain, or had no answer. What was stored and what was promised
    must survive it as it survives a kill. From a loss: whatever else is wrong with the same rows, and that the
    scenario did not find what it had asked for. By the failures' identities.
    """
    end = next((one for one in roots if one[0].cause_check == PROCESS), None)
    losses = [one for one in roots if one[0].about.lost]
    found = {}
    for failure in others:
        own = failure.check == SCENARIO and failure.about.condition in ("", UNKNOWN_LINE)
        keys = frozenset(failure.about.keys)
        lost = next((one for one in losses if own or keys.intersection(one[0].about.keys)), None)
        root = end if own and failure.waited and end is not None else lost
        if root is not None:
            found[id(failure)] = (replace(failure, cause=root[0].cause), root[1])
    return found


def _mended(scenario: str, failures: Sequence[Failure], own: Iterable[Expectation]) -> Iterator[Expectation]:
    """The rows of this very case that had to show, and did not, in whatever words.

    Of a case that is known to show what depends on timing nothing has to show, its own assertions included.
    """
    about = [one for one in own if one.about(scenario)]
    anywhere = {name for one in about if one.scenario == ANYWHERE for name in one.names}
    if any(not anywhere.isdisjoint(one.names) for one in about if one.scenario != ANYWHERE):
        return
    for row in about:
        if row.strict and not any(row.explains(scenario, one) or row.says(one) for one in failures):
            yield row


def two_writers(known: Iterable[Expectation], events: Iterable[Event]) -> tuple[Expectation, ...]:
    """What follows where a second GCS came to one that is known to let two write: rows for :data:`OF_TWO_WRITERS`.

    Nothing for a target that keeps the other out, or a record without a second GCS.
    """
    unfenced = next((one for one in known if one.check == one_writer.NAME and not one.neighbour), None)
    if unfenced is None or not any(one.kind == "gcs" and one.who == "rival" for one in events):
        return ()
    told = "two GCS write, and neither is kept from it"
    return tuple(
        replace(unfenced, scenario=ANYWHERE, check=name, message="*", sentence=told, reproduced="1 of 5")
        for name in sorted(OF_TWO_WRITERS)
    )
