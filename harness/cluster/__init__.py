"""One store, one GCS, raylets and drivers: what a scenario acts on."""

from harness.cluster.cluster import Cluster, Lost, same_resources

__all__ = ["Cluster", "Lost", "same_resources"]
