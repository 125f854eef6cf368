"""How a record of format 1 names its faults: in words, without a kind and without what proves them. Pure.

Records are of format 1 where the event of a fault has no ``fault``.
"""

from __future__ import annotations

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "kill -9 of the GCS": "kill-gcs",
    "SIGTERM of the GCS": "terminate-gcs",
    "SIGSTOP of the GCS": "hang-gcs",
    "the GCS returns at another IP": "kill-gcs",
    "a second GCS on one namespace": "second-gcs",
    "kill -9 of a raylet": "kill-raylet",
    "kill -9 of an actor's worker": "kill-worker",
    "SIGSTOP of the store": "pause-store",
    "kill -9 of the store": "kill-store",
    "the store's connections are cut": "cut-store",
    "the store forgets everything": "wipe-store",
    "the store is cut off": "disconnect-store",
    "the store is replaced": "replace-store",
    "the store fails": "fail-store",
    "the GCS is cut off": "disconnect-gcs",
    "a raylet is cut off": "disconnect-raylet",
    "the GCS is restarted": "restart-gcs",
    "the GCS is replaced": "replace-gcs",
    "the GCS is out of memory": "starve-gcs",
    "the GCS has another wall clock": "kill-gcs",
    "Cut": "cut-command",
    "KillAfter": "kill-after-command",
    "KillBefore": "kill-before-command",
    "RefuseWith": "refuse-command",
    "Stall": "stall-command",
    "SwallowReply": "swallow-reply",
}
UNSHOWN = frozenset(
    {"a partition of the raylets", "Blackhole", "Delay", "HalfOpen", "Refuse", "Reset", "Slow"}
)
"""Nothing in a record of format 1 shows that these struck; they are taken to have done so. Delay: of a link or a command."""
