"""One store, one GCS, raylets and drivers: what a scenario acts on."""

from harness.cluster.cluster import Cluster, same_resources
from harness.cluster.population import Lost

__all__ = ["Cluster", "Lost", "same_resources"]
