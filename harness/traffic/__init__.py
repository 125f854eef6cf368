"""What is asked of a GCS: a workload to keep alive, functions to use, mutations to repeat, nonsense to refuse."""
