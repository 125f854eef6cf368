"""What shows in a record that a fault struck: data of the fault's own event. Pure.

A fault's event names its stable kind (``fault``) and what proves it (``proof``): events of the same cluster, or entries
of its ledger, in the time of the fault. All of them must be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

LEDGER = "ledger"


@dataclass(frozen=True)
class Proof:
    """An event of ``kind`` that is any of ``what``; of ``who`` and with ``facts``, where they are given.

    Of kind :data:`LEDGER`: an entry that a rule named in ``what`` struck, of the ``unit`` in ``facts``, if given.
    """

    kind: str
    what: tuple[str, ...]
    who: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """Values that JSON can carry; :meth:`of` is the inverse."""
        narrowed = {"who": self.who, "facts": dict(self.facts)}
        return {
            "kind": self.kind,
            "what": list(self.what),
            **{name: one for name, one in narrowed.items() if one},
        }

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Proof:
        """KeyError when something is missing."""
        return cls(raw["kind"], tuple(raw["what"]), raw.get("who", ""), raw.get("facts", {}))


def _one(kind: str, *what: str, who: str = "") -> tuple[Proof, ...]:
    return (Proof(kind, what, who),)


_ENDED = _one("gcs", "killed", "ended", who="gcs")
_STARTED = _one("gcs", "started", who="gcs")
_CONNECTED = _one("link", "struck")

PROOFS: Mapping[str, tuple[Proof, ...]] = {
    # of a GCS
    "kill-gcs": _ENDED,
    "crash-gcs": _ENDED,
    "terminate-gcs": _ENDED,
    "hang-gcs": _one("gcs", "paused", who="gcs"),
    "move-gcs": _ENDED + _one("gcs", "moved", who="gcs"),
    "restart-gcs": _ENDED,
    "replace-gcs": _ENDED,
    "starve-gcs": _one("gcs", "starved", who="gcs"),
    "skew-clock": _ENDED + _STARTED,
    "disconnect-gcs": _one("gcs", "disconnected", who="gcs"),
    "second-gcs": _one("gcs", "started", who="rival"),
    # of raylets and what lives on them
    "add-raylet": _one("raylet", "joins"),
    "kill-raylet": _one("raylet", "killed", "gone", "exit"),
    "disconnect-raylet": _one("raylet", "disconnected"),
    "kill-worker": _one("worker", "exited"),
    "kill-driver": _one("note", "owner left"),
    "drop-reference": _one("note", "ref dropped"),
    "second-stream": _one("sync", "open"),
    "disobey": _one("note", "scripted"),
    # of the store
    "pause-store": _one("store", "paused"),
    "kill-store": _one("store", "killed"),
    "replace-store": _one("store", "killed"),
    "cut-store": _one("store", "cut"),
    "wipe-store": _one("store", "wiped"),
    "disconnect-store": _one("store", "disconnected"),
    "tamper-with-store": _one("store", "altered"),
    "fail-store": _one(LEDGER, "RefuseWith", "Cut", "Refuse"),
    # of commands to it
    "cut-command": _one(LEDGER, "Cut"),
    "delay-command": _one(LEDGER, "Delay"),
    "kill-after-command": _one(LEDGER, "KillAfter") + _one("gcs", "killed", "ended"),
    "kill-before-command": _one(LEDGER, "KillBefore") + _one("gcs", "killed", "ended"),
    "refuse-command": _one(LEDGER, "RefuseWith"),
    "stall-command": _one(LEDGER, "Stall"),
    "swallow-reply": _one(LEDGER, "SwallowReply"),
    # of links
    "partition": _one("gcs", "partitioned", who="gcs") + _CONNECTED,
    "break-links": _CONNECTED,
    "blackhole-link": _CONNECTED,
    "delay-link": _CONNECTED,
    "half-open-link": _CONNECTED,
    "refuse-link": _one("link", "shut"),
    "reset-link": _CONNECTED,
    "slow-link": _CONNECTED,
}
"""By the stable kind of each fault that there is."""


def proving(
    fault: str, who: str = "", unit: int | None = None, facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What an event says of the fault of that kind: ``fault`` and ``proof``. KeyError for an unknown kind.

    ``who`` and ``facts`` narrow down which events prove it, ``unit`` which entries of the ledger.
    """
    narrowed = []
    for one in PROOFS[fault]:
        if one.kind == LEDGER:
            narrowed.append(replace(one, facts={} if unit is None else {"unit": unit}))
        else:
            narrowed.append(replace(one, who=one.who or who, facts=facts or {}))
    return {"fault": fault, "proof": [one.data() for one in narrowed]}
