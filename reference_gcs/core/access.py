"""Who may call: the cluster id a caller believes in, and the token in token mode.

Source: contract section 4.
"""

from __future__ import annotations

from harness.wire import ids
from reference_gcs.core.state import Gcs

BOOTSTRAP = "NodeInfoGcsService.GetClusterId"
UNAUTHENTICATED = "UNAUTHENTICATED"
WRONG_CLUSTER = "WrongClusterID: Perhaps the client is accessing GCS after it has restarted."
WRONG_TOKEN = "InvalidAuthToken: Authentication token is missing or incorrect"


def refusal(gcs: Gcs, method: str, cluster_id: str | None, authorization: str | None) -> str | None:
    """Why a caller is refused (UNAUTHENTICATED), or None. Headers as sent, None when absent."""
    if gcs.config.token is not None and authorization != f"Bearer {gcs.config.token}":
        return WRONG_TOKEN
    if cluster_id is None or not gcs.config.get("enable_cluster_auth"):
        return None
    # Who asks for the cluster id does not know it yet: a caller who does is lost.
    expected = ids.NIL_CLUSTER if method == BOOTSTRAP else gcs.cluster_id
    return None if cluster_id == expected.hex() else WRONG_CLUSTER
