"""A stranger is refused, and one who claims nothing is not. Pure.

Source: C3, C4 and C6 of the contract.
"""

from __future__ import annotations

from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Story

NAME = "identity"
REFUSED_LOOK = "refused"
"""What of a look is written when the GCS served and would not answer one who sent no cluster id."""


def identity(story: Story) -> Ruling:
    """Judged: calls under a name that is not the cluster's (their fact ``claims``), and looks, which claim none."""
    ends = {one.facts["call"]: one for one in story.of("return")}
    found, judged = [], 0
    for one in story.of("call"):
        claims = one.facts.get("claims")
        end = ends.get(one.id)
        if not claims or end is None:
            continue
        judged += 1
        if end.facts.get("grpc") == "OK":
            said = f"{one.who} called {one.what} with {claims} at {one.at:.6f}"
            found.append(Violation(f"a call with {claims} was answered", said, (one.id, end.id)))
    for one in story.of("look"):
        judged += 1
        if one.what == REFUSED_LOOK:
            said = f"{one.who}: {one.facts.get('why', '')}"
            found.append(Violation("one who claims no cluster id was refused", said, (one.id,)))
    return rule(NAME, found, judged)
