"""What a campaign must have seen now and then to mean anything. A simulation counts them as they happen."""

from __future__ import annotations

SOMETIMES = (
    "a crash between two effects",
    "a crash during recovery",
    "two kills within one recovery",
    "a crash between the two writes of RegisterActor",
    "a crash between prepare and commit",
    "a write is lost with its GCS",
    "a write takes place after its GCS",
    "the GCS gives up a store that fails",
    "a call outlives a GCS or its connection",
    "a request is sent twice at once",
    "a raylet reconnects in its last 10 %",
    "a raylet leaves at its limit",
    "a node dies during an outage",
    "a node is found dead by its health check",
    "a GCS dies after a node",
    "a worker dies during an outage",
    "an actor is created again",
    "an actor creates an actor",
    "a name is taken over",
    "the store dies",
    "a GCS hangs",
    "a GCS hangs during recovery",
    "a lease is spilled to another node",
    "a raylet does not as it is told",
    "an actor's constructor raises",
    "an actor without its task spec",
)
