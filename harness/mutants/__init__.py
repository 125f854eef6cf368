"""``gauntlet mutants``: every broken variant of the reference must be found, by the suite and by the fuzzer alone."""
