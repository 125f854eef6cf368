"""What is judged: the documented promises, the contract's clauses, and twelve behaviours.

The contract is ``docs/contract.md``, whose section 12 is made from here. Words are ours. ``source`` says where a sentence comes from: ``docs`` (Ray's or KubeRay's pages),
``code`` (Ray's public source), ``seen`` (released binaries), or ``sense`` (what any server owes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

GCS_PAGE = "docs.ray.io/en/latest/ray-core/fault_tolerance/gcs.html"
KUBERAY_PAGE = "docs.ray.io/en/latest/cluster/kubernetes/user-guides/kuberay-gcs-ft.html"


class Level(Enum):
    """How binding a clause is (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"


@dataclass(frozen=True)
class Promise:
    """A sentence of Ray's documentation that a user builds on."""

    id: str
    title: str
    sentence: str
    source: str


@dataclass(frozen=True)
class Clause:
    """One thing that must hold on the wire for the promises to be kept."""

    id: str
    level: Level
    extended: bool
    statement: str
    source: str


@dataclass(frozen=True)
class Behaviour:
    """One of the twelve that no public test was found for."""

    id: str
    sentence: str


class UnknownGuarantee(ValueError):
    """An id that no promise, clause or behaviour has."""


_PROMISES = (
    Promise("1", "Reload", "Backed by a durable store, a restarted GCS has all its data again and works on; in memory it starts empty.", GCS_PAGE),
    Promise("2", "Blocking", "While the GCS recovers, actor and placement group control, resource management, node registration and worker start wait, and then complete.", GCS_PAGE),
    Promise("3", "Survival", "Running tasks and actors live on through an outage, and existing objects stay readable.", GCS_PAGE),
    Promise("4", "Reconnect", "Raylets reconnect to a GCS that returns; one that cannot within RAY_gcs_rpc_server_reconnect_timeout_s (60 s by default) exits, and its node fails.", GCS_PAGE),
    Promise("5", "Store", "Redis is reached with its user name and password, and may serve several clusters, kept apart by external_storage_namespace.", f"{GCS_PAGE}, {KUBERAY_PAGE}"),
    Promise("6", "Address", "A GCS that returns at another IP address is found again by raylets that were given its domain name.", GCS_PAGE),
    Promise("7", "One GCS", "At any time only one GCS is active; what detects a failed one and restarts it comes from outside, and the cluster comes through.", GCS_PAGE),
)  # fmt: skip

# id, level, statement, source; those in _EXTENDED go beyond the core.
_CLAUSES = (
    ("L1", "MUST", "Nothing is answered before all stored tables are loaded: until then the port refuses", "code"),
    ("L2", "MUST", "After SIGKILL at any point a restart on the same store serves, with no hand laid on it", "docs"),
    ("L3", "MUST", "Calls in flight when the GCS dies end UNAVAILABLE: no other status, no silent hang", "seen"),
    ("L4", "SHOULD", "SIGTERM ends calls in flight UNAVAILABLE and the process exits 0 within 2 s", "seen"),
    ("L5", "SHOULD", "With up to 100 rows a table it serves within 1 s of its start", "seen"),
    ("L6", "MUST", "Bad input gets an error reply, and the process lives on", "sense"),
    ("C1", "MUST", "The cluster id is 28 bytes, made once per namespace of the store, the same after a restart", "code"),
    ("C2", "MUST", "Another or an emptied namespace has another cluster id; the same one has the same", "seen"),
    ("C3", "MUST", "A foreign ray_cluster_id is refused with the release's code and has no effect", "seen"),
    ("C4", "MUST", "A call without the header is accepted; GetClusterId accepts none or nil", "seen"),
    ("C5", "MUST", "No key outside the namespace is made, changed or deleted", "code"),
    ("C6", "MUST", "In token mode a missing or wrong bearer token is UNAUTHENTICATED on every method", "seen"),
    ("D1", "MUST", "A node whose RegisterNode was acknowledged is ALIVE after a restart", "code"),
    ("D2", "MUST", "GetNextJobID never gives a number twice in a namespace, restarts included", "code"),
    ("D3", "MUST", "A job whose AddJob was acknowledged is listed after a restart", "code"),
    ("D4", "MUST", "An actor whose RegisterActor was acknowledged is found after a restart, by id and by name", "code"),
    ("D5", "MUST", "An actor whose CreateActor was acknowledged is ALIVE at the same address, with no second PushTask", "code"),
    ("D6", "MUST", "A placement group whose creation was acknowledged exists after a restart and reaches CREATED", "code"),
    ("D7", "MUST", "A placement group whose removal was acknowledged is REMOVED after a restart", "code"),
    ("D8", "MUST", "An acknowledged KV put or delete is seen after a restart; a put without overwrite never replaces", "code"),
    ("D9", "MUST", "A job whose MarkJobFinished was acknowledged is dead after a restart", "code"),
    ("D10", "MUST", "An actor whose kill without restart was acknowledged is DEAD after a restart, and its name free", "sense"),
    ("D11", "SHOULD", "A node whose UnregisterNode was acknowledged is DEAD after a restart", "sense"),
    ("D12", "MUST", "No acknowledged mutation is lost that the store acknowledged", "sense"),
    ("D13", "SHOULD", "A registration that is not yet durable cannot be observed", "seen"),
    ("I1", "MUST", "RegisterActor repeated is OK and leaves one row; a concurrent repeat is answered after durability", "code"),
    ("I2", "MUST", "CreateActor repeated gives the same address when ALIVE; when pending, one lease and an answer each", "code"),
    ("I3", "MUST", "CreatePlacementGroup repeated is OK and leaves one group", "code"),
    ("I4", "MUST", "RegisterNode repeated is OK and leaves one node", "seen"),
    ("I5", "MUST", "Any mutating request repeated is answered, has no second effect, and the process lives on", "sense"),
    ("I7", "MUST", "RemovePlacementGroup of a removed or unknown group is OK", "seen"),
    ("I8", "MUST", "Another actor id under a live name of the namespace gets AlreadyExists, as the release codes it", "seen"),
    ("R1", "MUST", "Every stored ALIVE node gets one effective NotifyGCSRestart a restart, though unreachable at first", "code"),
    ("R2", "MUST", "Every ALIVE node is told to keep exactly the stored workers of loadable actors on it", "code"),
    ("R3", "MUST", "Every ALIVE node is told to keep exactly its bundles of prepared, created or rescheduling groups", "code"),
    ("R4", "MUST", "No lease is asked of a node before it answered ReleaseUnusedActorWorkers", "code"),
    ("R5", "MUST", "No bundle is prepared before all nodes answered ReleaseUnusedBundles or are dead", "code"),
    ("R6", "SHOULD", "One mute raylet does not block placement groups for ever", "sense"),
    ("R7", "MUST", "Dead nodes get no recovery call", "code"),
    ("A1", "MUST", "An ALIVE actor stays ALIVE; its worker gets no PushTask and no kill", "docs"),
    ("A2", "MUST", "A creation under way resumes on its worker or releases it; never two live workers", "code"),
    ("A3", "MUST", "A RESTARTING actor is leased again with no call from a client", "code"),
    ("A4", "MUST", "An actor not yet created completes when CreateActor is sent again", "code"),
    ("A5", "MUST", "A DEAD actor stays DEAD, and its name may be used again", "code"),
    ("A6", "MUST", "An owned actor of a finished job is DEAD to GetActorInfo", "seen"),
    ("A7", "MUST", "A detached actor outlives its job and restarts of the GCS", "docs"),
    ("A8", "MUST", "num_restarts survives, and max_restarts is kept across restarts of the GCS", "code"),
    ("A9", "SHOULD", "An owner that cannot be reached for a moment does not lose its actors", "seen"),
    ("A10", "MUST", "A worker failure reported after a restart makes an ALIVE actor RESTARTING or DEAD, as its budget says", "code"),
    ("A11", "MUST", "An actor whose constructor raised is DEAD, with the exception of its worker's report, after a restart too", "seen"),
    ("P1", "MUST", "After a restart a pending group is scheduled, a prepared one committed, a created one left, a removed one ignored", "code"),
    ("P2", "MUST", "After recovery the GCS's bundle placement equals what the raylets hold", "code"),
    ("P3", "MUST", "A wait on a pending group answers once it is CREATED; on a removed one, NotFound", "seen"),
    ("P4", "MUST", "A group of a job that finished during the outage is removed, unless detached", "code"),
    ("N1", "MUST", "A node that died during the outage is declared DEAD within the health check's bound", "seen"),
    ("N2", "MUST", "Its actors then restart or die, and its bundles move", "code"),
    ("N3", "MUST", "A live node is never declared dead because the GCS restarted", "docs"),
    ("N4", "MUST", "A newly registered head retires the old one", "code"),
    ("N5", "SHOULD", "Available resources are the totals until the first view, then the view; stale views are ignored", "seen"),
    ("N6", "MUST", "CheckAlive answers one bool for each id asked, in order", "code"),
    ("N7", "MUST", "Nothing new is placed on a node that drains, nor after a restart of the GCS once the node has reported", "code"),
    ("N8", "MUST", "A drain is answered as the raylet decides; one that is refused, with the raylet's reason, changes nothing", "code"),
    ("N9", "MUST", "A drained node is DEAD for the reason of its drain, also one that fails after its deadline; before, it died as any other", "code"),
    ("N10", "MUST", "The older DrainNode names the nodes that it was asked for, and each of them ends in order", "code"),
    ("B1", "MUST", "After a restart the publisher id differs, and an old subscriber misses nothing published after it subscribed again", "code"),
    ("B2", "MUST", "Messages come again until acknowledged by sequence id, in order", "code"),
    ("B3", "MUST", "A second poll releases the first with an empty reply", "code"),
    ("B4", "MUST", "A table read after subscribing covers every publish that was missed", "code"),
    ("B5", "MUST", "A node whose link was cut comes back: its new stream replaces the old one, and the process lives on", "code"),
    ("B6", "MUST", "A node's view goes to all others and not back; a newcomer gets the current views", "seen"),
    ("S1", "MUST", "The store's layout is Ray's, so that another implementation can take the namespace over", "seen"),
    ("S2", "SHOULD", "A blip of the store is survived, or ends the GCS so that a supervisor restarts it; no stale acknowledgement", "seen"),
    ("S3", "SHOULD", "A hung store is noticed", "seen"),
    ("S4", "MUST", "A second GCS on one namespace does not corrupt it", "docs"),
    ("S5", "MUST", "RocksDB: a second opener is refused, and SIGKILL loses no acknowledged write", "docs"),
    ("K1", "MUST", "Tasks and actor calls on existing workers succeed during an outage shorter than the limit", "docs"),
    ("K2", "MUST", "Control calls wait and succeed after recovery: none lost, none doubled in effect", "docs"),
    ("K3", "MUST", "An outage over the limit makes a raylet exit non-zero, timed from its own first failed call", "docs"),
    ("K4", "SHOULD", "A raylet never registers again after NotifyGCSRestart: it subscribes and reads again", "seen"),
    ("K5", "SHOULD", "A foreign cluster id is noticed fast and without a hot loop", "seen"),
)  # fmt: skip

_EXTENDED = frozenset(
    ["L4", "L5", "D11", "D12", "D13", "R6", "A6", "A8", "A9", "P4", "N2", "N5", "N7", "N8", "N9", "N10", "B4"]
    + [f"S{number}" for number in range(2, 6)]
    + [f"K{number}" for number in range(1, 6)]
)

_BEHAVIOURS = (
    Behaviour("T1", "Tasks that run through an outage finish with the right result"),
    Behaviour("T2", "Objects made before the kill stay readable during and after the outage"),
    Behaviour("T3", "A raylet exits after the limit and not before; its node then fails; the variable is honoured"),
    Behaviour("T4", "A worker process asked for during the outage comes up after it"),
    Behaviour("T5", "A node registration begun during the outage completes"),
    Behaviour("T6", "Total and available resources are exactly right after recovery"),
    Behaviour("T7", "A kill or deletion issued during the outage takes effect"),
    Behaviour("T8", "A restartable actor that is not detached, killed during the outage, is reconstructed"),
    Behaviour("T9", "Two live GCS processes do no harm"),
    Behaviour("T10", "The new address is found through DNS"),
    Behaviour("T11", "A Redis user name works through a recovery"),
    Behaviour("T12", "Kills at any instant, again and again, long outages, a slow store, and more than a handful of state"),
)  # fmt: skip

PROMISES: Mapping[str, Promise] = {one.id: one for one in _PROMISES}
CLAUSES: Mapping[str, Clause] = {
    id: Clause(id, Level(level), id in _EXTENDED, statement, source)
    for id, level, statement, source in _CLAUSES
}
BEHAVIOURS: Mapping[str, Behaviour] = {one.id: one for one in _BEHAVIOURS}

T = TypeVar("T")


def promise(id: str) -> Promise:
    """The promise ``"1"`` to ``"7"``; :class:`UnknownGuarantee` for any other id."""
    return _find("promise", PROMISES, id)


def clause(id: str) -> Clause:
    """The clause ``id`` (``"D1"``); :class:`UnknownGuarantee` for any other id."""
    return _find("clause", CLAUSES, id)


def behaviour(id: str) -> Behaviour:
    """The behaviour ``"T1"`` to ``"T12"``; :class:`UnknownGuarantee` for any other id."""
    return _find("behaviour", BEHAVIOURS, id)


def _find(kind: str, known: Mapping[str, T], id: str) -> T:
    if id not in known:
        raise UnknownGuarantee(f"there is no {kind} {id!r}; known: {', '.join(known)}")
    return known[id]
