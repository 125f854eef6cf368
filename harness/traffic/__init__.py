"""What is asked of a GCS: a workload to keep alive, functions to use, mutations to repeat, unknown things to ask for."""
