"""A client that behaves like Ray's own: control calls park while the GCS is away."""
