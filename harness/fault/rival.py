"""A second GCS on the same store and namespace, while the first still runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from harness.cluster import Cluster


@dataclass(frozen=True)
class Rival:
    """Start a second GCS at an address of its own; healed by ending it."""

    kind: ClassVar[str] = "second-gcs"
    name: str = "a second GCS on one namespace"

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        return {"pid": cluster.gcs.pid, "namespace": cluster.namespace}

    def inject(self, cluster: Cluster) -> None:
        cluster.start_rival()

    def heal(self, cluster: Cluster) -> None:
        cluster.end_rival()
