"""A plan in virtual time: the pure reference core with simulated store, network, raylets and clients."""
