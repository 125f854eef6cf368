"""A stranger is refused, and one who claims nothing is not. Pure.

Source: C3, C4 and C6 of the contract.
"""

from __future__ import annotations

from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import INHERITED, Story

NAME = "identity"
REFUSED_LOOK = "refused"
"""What of a look is written when the GCS served and would not answer one who sent no cluster id."""
ANOTHER_CLUSTER, ANOTHER_TOKEN, NO_TOKEN = CLAIMS = ("another cluster", "another token", "no token")
"""What a caller claims who may not call: to belong to another cluster, another token, or none."""
REFUSALS = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED", "ABORTED"})
"""How a release refuses a stranger. What ends a call otherwise, a deadline or a broken connection, shows nothing."""


def identity(story: Story) -> Ruling:
    """Judged: calls under a name that is not the cluster's (their fact ``claims``), and looks, which claim none."""
    ends = {one.facts["call"]: one for one in story.of("return")}
    own = {call.reply.get("cluster_id") for call in story.calls if call.method == "GetClusterId"}
    found, judged = [], 0
    for one in story.of("call"):
        claims, claimed = one.facts.get("claims"), one.facts.get("claimed")
        end = ends.get(one.id)
        if not claims or end is None or (claimed is not None and claimed in own):
            continue
        status = end.facts.get("grpc")
        judged += status == "OK" or status in REFUSALS
        if status == "OK":
            said = f"{one.who} called {one.what} with {claims} at {one.at:.6f}"
            found.append(Violation(f"a call with {claims} was answered", said, (one.id, end.id)))
    for one in story.of("look"):
        judged += one.what != INHERITED
        if one.what == REFUSED_LOOK:
            said = f"{one.who}: {one.facts.get('why', '')}"
            found.append(Violation("one who claims no cluster id was refused", said, (one.id,)))
    return rule(NAME, found, judged)
