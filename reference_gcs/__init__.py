"""A GCS that keeps every clause of the contract: a pure core (``core/``) and a thin shell around it."""
