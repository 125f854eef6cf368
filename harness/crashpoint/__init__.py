"""Crash points: every store command that a flow causes, times what can befall the GCS exactly there."""
