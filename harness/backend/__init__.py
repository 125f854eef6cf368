"""What runs a store, a GCS and raylets: processes on loopback, or containers on a network of their own."""
