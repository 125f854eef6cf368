"""One event of a history, a JSON line each. Pure.

| kind | who | what | facts |
| --- | --- | --- | --- |
| cluster | harness | built, closing | target, release, namespace, store (kind), ledger (bool), cpus |
| call | a client | the method | request, deadline (s or null), again (event id of the same request's last sending), claims, claimed |
| return | a client | the method | call (event id), outcome, grpc, code, said, reply |
| message | a subscriber | the channel | publisher, sequence, key, type, payload |
| order | node id | the method | fields, outcome, seq, worker, script, connection (its number in the host) |
| raylet | node id | joins, connected, waiting, gone, exit, refused, killed, disconnected, reachable | why, status, pid |
| worker | node id | started, actor, exited | worker, pid, actor, detail |
| sync | node id | open, sent (simulated only), view, closed | stream (its number), of (whose views), grpc, why, foreign (opened by another) |
| bundle | node id | prepared, committed, returned | group, index |
| drain | node id | accepted, refused | reason, reason_message, deadline_timestamp_ms, why |
| gcs | gcs or rival | started, serving, ended, killed, paused, resumed, moved, disconnected, partitioned, connected, starved | life, pid, address, exit, again (of started: it began before this case), silent (of serving: when it last did not yet) |
| fault | harness | the fault's name | phase (inject, healed), what it disturbs; of its beginning fault (its stable kind) and proof, see :mod:`harness.history.proof`; armed: it waits for connections |
| plan | harness | the stable kind of a plan's fault that found something to break; health | fault, proof; notice: the seconds within which its GCS notices what is gone |
| link | harness | struck, shut | backend, what: the fault under which a connection stands, or no port is open |
| store | harness | started, killed, restarted, paused, resumed, cut, disconnected, connected, lost, wiped, tampered, altered, refuses; by itself: evicted, unsaved | why |
| look | a client | baseline, tables, closing; inherited (by the harness: what a namespace held before any GCS of the case) | view, books, stored, quiet, complaints |
| watch | harness | begin, end | workers, bundles, pulses |
| log | gcs or rival | fatal | life, line: of its log, a failed check or the like |
| note | harness | anything | anything |
| case | harness | end | |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HARNESS = "harness"
BARE_START = "bare start"
"""The note (who: gcs or rival) of what executing and loading the program alone took beside a start that takes long:
life, seconds."""


@dataclass(frozen=True, slots=True)
class Event:
    """``id``: unique in its case, by writer and number (``c12``); ``at``: monotonic seconds, one clock
    for all processes of a machine. ``cluster`` numbers the clusters of one case from 0."""

    id: str
    case: str
    cluster: int
    at: float
    kind: str
    who: str
    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The event as one JSON line, without its newline."""
        return json.dumps(
            {
                "case": self.case,
                "cluster": self.cluster,
                "id": self.id,
                "at": round(self.at, 6),
                "kind": self.kind,
                "who": self.who,
                "what": self.what,
                "facts": self.facts,
            },
            separators=(",", ":"),
            default=_readable,
        )

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Event:
        """The inverse of :meth:`line`, from what JSON gives. KeyError when something is missing."""
        return cls(
            raw["id"], raw["case"], raw["cluster"], raw["at"],
            raw["kind"], raw["who"], raw["what"], raw["facts"],
        )  # fmt: skip


def _readable(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
