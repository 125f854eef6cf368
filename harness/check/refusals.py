"""What was asked for is not refused because it is asked for again. Pure. Source: I4 and I5 of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.check.ruling import Violation
from harness.check.story import Call, Story

# Requests that any number of repeats leave as they are, and the ids that they name.
NAMED: Mapping[str, tuple[str, str]] = {
    "RegisterNode": ("node_info", "node_id"),
    "AddJob": ("data", "job_id"),
}
# Refused however often it is asked for, or never asked: by a stranger, in the wrong shape, of one who is away.
_OTHERWISE = frozenset(
    {"UNAUTHENTICATED", "PERMISSION_DENIED", "UNAVAILABLE", "ABORTED", "UNIMPLEMENTED", "INVALID_ARGUMENT"}
)


class Refusals:
    """The same request of the same client, sent again: once it was not refused, it is not refused later."""

    def __init__(self, story: Story, until: float) -> None:
        self.judged = 0
        self._calls = [one for one in story.calls if one.method in NAMED and one.start < until]

    def violations(self) -> Iterator[Violation]:
        first: dict[tuple[str, str, str], Call] = {}
        for call in self._calls:
            place = (call.client, call.method, _named(call.method, call.request))
            earlier = first.get(place)
            refused = call.outcome == "refused" and call.grpc not in _OTHERWISE
            if earlier is None:
                if call.outcome != "refused":
                    first[place] = call
                continue
            self.judged += 1
            if refused and earlier.request == call.request:
                said = f"{call.client}: sent at {earlier.start:.6f} ({earlier.outcome}), and at {call.start:.6f}: "
                said += f"{call.grpc} {call.code} {call.said}"
                yield Violation(
                    f"{call.method} was refused when it was repeated", said, (*earlier.ids, *call.ids)
                )


def _named(method: str, request: Mapping[str, Any]) -> str:
    part, id = NAMED[method]
    return str(request.get(part, {}).get(id, ""))
