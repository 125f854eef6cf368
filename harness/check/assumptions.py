"""What must be so for the other checks to mean anything. Never about the target: held, or unknown and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from harness.check.format_1 import KINDS, UNSHOWN
from harness.check.process import unexpected
from harness.check.ruling import Ruling, rule
from harness.check.story import Story
from harness.history.proof import LEDGER, PROOFS, Proof

NAME = "assumptions"
SLACK = 0.5
"""Seconds by which an event may be written before or after the fault that it belongs to."""


def assumptions(story: Story) -> Ruling:
    """Judged: the assumptions. UNKNOWN gives the first that does not hold."""
    wanting = next((why for one in ASSUMPTIONS for why in one(story)), "")
    return rule(NAME, (), len(ASSUMPTIONS), wanting)


def known_start(story: Story) -> bool:
    """Whether it is known what the store held at the start: nothing, or what somebody looked at."""
    if story.inherited is not None:
        return story.inherited.stored is not None
    first = next((life for life in story.lives if life.who == "gcs"), None)
    return story.baseline is not None or first is None or first.number == 0


def _start(story: Story) -> Iterator[str]:
    if not known_start(story):
        yield "the cluster had lived before, and nobody looked at its store"


def _hits(story: Story) -> Iterator[str]:
    for fault in story.faults:
        end = story.ended if fault.healed is None else fault.healed
        why = _unproved(story, fault.name, fault.facts, fault.at, end)
        if why and not fault.facts.get("armed"):  # what waits for a connection need not meet one
            yield why
    for one in (*story.of("plan"), *story.of("store")):
        if "fault" in one.facts and (why := _unproved(story, one.what, one.facts, one.at, story.ended)):
            yield why


def _unproved(story: Story, name: str, facts: Mapping[str, Any], begin: float, end: float) -> str:
    """Why nobody knows that a fault struck; '' where the record shows it."""
    if "fault" in facts:
        known, proofs = facts["fault"] in PROOFS, [Proof.of(one) for one in facts.get("proof", ())]
    elif name in UNSHOWN:
        return ""
    else:
        known, proofs = name in KINDS, list(PROOFS.get(KINDS.get(name, ""), ()))
    if not known or not proofs:
        return f"nobody knows what shows that the fault «{name}» struck"
    if not all(_shown(story, one, begin - SLACK, end + SLACK) for one in proofs):
        return f"the fault «{name}» hit nothing"
    return ""


def _shown(story: Story, proof: Proof, begin: float, end: float) -> bool:
    if proof.kind == LEDGER:
        return any(
            one.rule in proof.what
            and one.unit == proof.facts.get("unit", one.unit)
            and one.at <= end
            and (one.done is None or one.done >= begin)
            for one in story.ledger
        )
    return any(
        begin <= one.at <= end
        and (one.what in proof.what or not proof.what)
        and proof.who in ("", one.who)
        and all(one.facts.get(name) == wanted for name, wanted in proof.facts.items())
        for one in story.of(proof.kind)
    )


def _noticed(story: Story) -> Iterator[str]:
    """A plan says how soon its GCS notices what is gone, and the last look waits for that."""
    look = story.closing
    if look is None or not story.of("plan"):
        return
    nodes = look.view.get("nodes", {})
    for node, book in look.books.items():
        if book.get("state") == "gone" and nodes.get(node, {}).get("state") == "ALIVE":
            yield f"the raylet of node {node} is gone, and the GCS had not noticed by the last look"


def _struck(story: Story) -> Iterator[str]:
    for one in story.of("note"):
        if one.what == "rule" and one.facts.get("struck") is False:
            yield "the crash point was never reached: its rule never struck"


def _traffic(story: Story) -> Iterator[str]:
    """A GCS that came back and was asked nothing shows nothing. A case may do without any calls.

    One that ends by itself, and comes back for that, is a breakage, and no recovery that the case is about.
    """
    lives = [life for life in story.lives if life.who == "gcs"]
    back = [after for before, after in pairwise(lives) if not unexpected(story, before)]
    if not story.calls or not back or back[-1].serving is None:
        return
    since = back[-1].serving
    if not any(call.end is not None and call.end >= since and call.grpc == "OK" for call in story.calls):
        yield "nothing was asked of the GCS after it had come back"


ASSUMPTIONS: tuple[Callable[[Story], Iterator[str]], ...] = (_start, _hits, _noticed, _struck, _traffic)
